"""A line of an exported history: an event as it is stored, but with its personal fields decrypted."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from eventstore import codec
from eventstore.errors import CorruptEvent, CorruptLine, ForeignFile
from eventstore.histories.staging import Row
from eventstore.limits.json_text import read_json
from eventstore.messages import EVENTS
from eventstore.personal_data import encryption
from eventstore.personal_data.texts import personal_texts, text_at, with_texts

FORMAT = "event-history"
FORMAT_VERSION = 1
_NO_PERSONAL_TEXT = ("", encryption.ERASED)


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a file. `events` is the number of lines that follow, to detect a file that was cut off."""

    format: str
    format_version: int
    events: int
    anonymised: bool = False


class EventLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event. `personal` are the paths of the texts in `data` that the log encrypts; `subject_id` is the person's id.

    A path is the name of a field, or `lines.0.name` for a text in a value of a list.
    """

    event_id: UUID
    aggregate_id: UUID
    aggregate_type: str
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    event_type: str
    schema_version: Annotated[int, msgspec.Meta(ge=0, le=2**15 - 1)]
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    metadata: dict[str, Any]
    data: dict[str, Any]
    subject_id: UUID | None = None
    personal: tuple[str, ...] = ()

    @property
    def event(self) -> Any:
        """Return the event as an object of its class, upcast to the current schema. Raises what `codec.decode` does."""
        return codec.decode(self.event_type, self.schema_version, as_json(self.data))

    @property
    def cause(self) -> codec.Metadata:
        """Return the metadata: who and what caused the event. Raises CorruptEvent."""
        return codec.decode_metadata(as_json(self.metadata))

    @property
    def personal_texts(self) -> dict[str, str]:
        """Return the personal texts by path, without those that are empty or erased."""
        declared = EVENTS.get(self.event_type)
        values = {path: text_at(self.data, path) for path in self.personal}
        values |= dict(personal_texts(declared, self.data)) if declared else {}
        return {path: text for path, text in values.items() if isinstance(text, str) and text not in _NO_PERSONAL_TEXT}

    @property
    def private_texts(self) -> dict[str, str]:
        """Return the personal texts by path, without those that programs see: these are about goods and payments."""
        declared = EVENTS.get(self.event_type)
        shown = dict(personal_texts(declared, self.data, among=lambda text: text.for_programs)) if declared else {}
        return {path: text for path, text in self.personal_texts.items() if path not in shown}


def line_of(row: Row) -> EventLine:
    """Return a stored event as a line. Raises CorruptEvent, MissingUpcaster, NewerSchemaVersion, WrongKey.

    An old event of an erased person is in today's schema: only there it is known which of its texts are personal.
    """
    row = _without_clear_texts(row)
    data, metadata = json.loads(row.data), json.loads(row.metadata)
    if not isinstance(data, dict) or not isinstance(metadata, dict):
        raise CorruptEvent(f"event {row.event_id} is not a JSON object; stored: {row.data[:200]}")
    decrypted = _decrypted_texts(row, data)
    return EventLine(
        event_id=row.event_id,
        aggregate_id=row.aggregate_id,
        aggregate_type=row.aggregate_type,
        version=row.version,
        event_type=row.event_type,
        schema_version=row.schema_version,
        timestamp=row.timestamp.astimezone(UTC),
        metadata=metadata,
        data=with_texts(data, decrypted),
        subject_id=row.subject_id,
        personal=tuple(decrypted),
    )


def _without_clear_texts(row: Row) -> Row:
    """Return the event of an erased person without the texts that an older schema has in the clear."""
    declared = EVENTS.get(row.event_type)
    if not row.erased or declared is None or row.schema_version >= declared.schema_version:
        return row
    data = codec.erased_data(row.event_type, row.schema_version, row.data)
    return replace(row, schema_version=declared.schema_version, data=as_json(data))


def _decrypted_texts(row: Row, data: dict[str, Any]) -> dict[str, Any]:
    """Return the encrypted texts by path, decrypted. Raises WrongKey.

    Only declared personal texts are looked at. An event in an older schema may have others: all are looked at.
    """
    if row.key is None:
        return {}
    declared = EVENTS.get(row.event_type)
    reveal = encryption.field_decryptor(row.event_id, row.key)
    if declared and declared.schema_version == row.schema_version:
        texts = {path: text for path, text in personal_texts(declared, data) if text.startswith(encryption.PREFIX)}
        return {path: reveal(path, text) for path, text in texts.items()}
    revealed = codec.revealed_texts(declared.since if declared else {}, row.schema_version, data, reveal)
    return {path: text for path, text in revealed.items() if text != text_at(data, path)}


def parse_line(raw: bytes) -> EventLine | Header:
    """Parse a line of a file. Raises CorruptLine, ForeignFile."""
    try:
        content = read_json(raw)
        as_json(content).encode()  # refuses NaN and lone surrogates
        if isinstance(content, dict) and "format" in content:
            header = msgspec.convert(content, Header)
        else:
            return msgspec.convert(content, EventLine)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise CorruptLine(f"{error}; the line is {raw[:200].decode(errors='replace')!r}") from error
    if (header.format, header.format_version) != (FORMAT, FORMAT_VERSION):
        raise ForeignFile(
            f"the file is {header.format} {header.format_version}; only {FORMAT} {FORMAT_VERSION} can be read"
        )
    return header


def to_text(line: EventLine | Header) -> str:
    """Return a line of a file as text, without a line break."""
    return as_json(msgspec.to_builtins(line))


def as_json(value: object) -> str:
    """Return the value as JSON. Raises ValueError for NaN and infinity."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
