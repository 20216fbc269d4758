"""A line of an exported history: an event as it is stored, but with its personal fields decrypted."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from eventstore import codec
from eventstore.errors import CorruptEvent, CorruptLine, ForeignFile
from eventstore.histories.staging import Row
from eventstore.messages import EVENTS
from eventstore.personal_data import encryption

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
    """An event. `personal` names the fields of `data` that the log encrypts; `subject_id` is the person's id."""

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
        """Return the personal fields by name, without those that are empty or erased."""
        declared = EVENTS[self.event_type].personal if self.event_type in EVENTS else ()
        values = {name: self.data.get(name) for name in (*self.personal, *declared)}
        return {name: text for name, text in values.items() if isinstance(text, str) and text not in _NO_PERSONAL_TEXT}


def line_of(row: Row) -> EventLine:
    """Return a stored event as a line. Raises CorruptEvent, WrongKey."""
    data, metadata = json.loads(row.data), json.loads(row.metadata)
    if not isinstance(data, dict) or not isinstance(metadata, dict):
        raise CorruptEvent(f"event {row.event_id} is not a JSON object; stored: {row.data[:200]}")
    encrypted = _encrypted_fields(row, data)
    if row.key:
        reveal = encryption.field_decryptor(row.event_id, row.key)
        data |= {name: reveal(name, data[name]) for name in encrypted}
    return EventLine(
        event_id=row.event_id,
        aggregate_id=row.aggregate_id,
        aggregate_type=row.aggregate_type,
        version=row.version,
        event_type=row.event_type,
        schema_version=row.schema_version,
        timestamp=row.timestamp.astimezone(UTC),
        metadata=metadata,
        data=data,
        subject_id=row.subject_id,
        personal=encrypted,
    )


def _encrypted_fields(row: Row, data: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the fields whose text has the prefix of encrypted values.

    Only declared personal fields are looked at. An event in an older schema may have other fields: all are looked at.
    """
    declared = EVENTS.get(row.event_type)
    if row.key is None:
        return ()
    names = declared.personal if declared and declared.schema_version == row.schema_version else tuple(data)
    return tuple(name for name in names if str(data.get(name)).startswith(encryption.PREFIX))


def parse_line(raw: bytes) -> EventLine | Header:
    """Parse a line of a file. Raises CorruptLine, ForeignFile."""
    try:
        content = json.loads(raw, parse_constant=_refuse_constant)
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


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a number in JSON")
