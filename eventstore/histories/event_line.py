"""A line of an exported history: an event as it was stored, its personal fields in the clear."""

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
_SILENT = ("", encryption.ERASED)


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line. `events` is how many lines follow, so that a file that was cut off is noticed."""

    format: str
    format_version: int
    events: int
    anonymised: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event. `personal` names the fields of `data` that the log keeps encrypted, `subject_id` the person."""

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
        """The event as its class, in today's shape. Raises what `codec.decode` raises."""
        return codec.decode(self.event_type, self.schema_version, as_json(self.data))

    @property
    def cause(self) -> codec.Metadata:
        """Who and what caused it. Raises CorruptEvent."""
        return codec.decode_metadata(as_json(self.metadata))

    @property
    def secrets(self) -> dict[str, str]:
        """The personal fields that say something: neither empty nor erased."""
        declared = EVENTS[self.event_type].personal if self.event_type in EVENTS else ()
        found = {name: self.data.get(name) for name in (*self.personal, *declared)}
        return {
            name: text for name, text in found.items() if isinstance(text, str) and text not in ("", encryption.ERASED)
        }


def line_of(row: Row) -> Line:
    """A stored event as a line. Raises CorruptEvent, WrongKey."""
    data, metadata = json.loads(row.data), json.loads(row.metadata)
    if not isinstance(data, dict) or not isinstance(metadata, dict):
        raise CorruptEvent(f"event {row.event_id} is no JSON object; stored: {row.data[:200]}")
    hidden = _encrypted(row, data)
    if row.key:
        reveal = encryption.field_decryptor(row.event_id, row.key)
        data |= {name: reveal(name, data[name]) for name in hidden}
    return Line(
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
        personal=hidden,
    )


def _encrypted(row: Row, data: dict[str, Any]) -> tuple[str, ...]:
    """The encrypted fields: of those that are declared personal, or in an older shape of all, those that are marked."""
    declared = EVENTS.get(row.event_type)
    if row.key is None:
        return ()
    names = declared.personal if declared and declared.schema_version == row.schema_version else tuple(data)
    return tuple(name for name in names if str(data.get(name)).startswith(encryption.PREFIX))


def parsed(raw: bytes) -> Line | Header:
    """A line of a file. Raises CorruptLine, ForeignFile."""
    try:
        found = json.loads(raw, parse_constant=_no_number)
        as_json(found).encode()  # refuses what is no number or no character
        if isinstance(found, dict) and "format" in found:
            header = msgspec.convert(found, Header)
        else:
            return msgspec.convert(found, Line)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise CorruptLine(f"{error}; it reads {raw[:200].decode(errors='replace')!r}") from error
    if (header.format, header.format_version) != (FORMAT, FORMAT_VERSION):
        raise ForeignFile(
            f"this is {header.format} {header.format_version}; what can be read is {FORMAT} {FORMAT_VERSION}"
        )
    return header


def written(line: Line | Header) -> str:
    """A line of a file, without its end."""
    return as_json(msgspec.to_builtins(line))


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number in JSON")
