"""What stands in the log's tables, as objects; and the way there and back.

What an append writes is named here; the columns of a row that is read, where they are selected: `eventstore.store`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventstore import codec
from eventstore.codec import Metadata
from eventstore.errors import CorruptEvent, MissingUpcaster, VersionGap, WrongKey
from eventstore.ids import new_id
from eventstore.personal_data import encryption
from eventstore.personal_data.encryption import StoredKey

E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Generic[E]):
    """An event as it stands in the log."""

    position: int
    event_id: UUID
    aggregate_id: UUID
    aggregate_type: str
    version: int
    timestamp: datetime
    metadata: Metadata
    event: E

    @property
    def occurred_at(self) -> datetime:
        """The business time: when it happened, where that is known to differ from when it was recorded."""
        return self.metadata.occurred_at or self.timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What is kept of a command that was done: enough to recognise a repeat and to answer it."""

    command_id: UUID
    command_type: str
    fingerprint: bytes
    aggregate_id: UUID
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """New events of one aggregate, the version they follow, and the receipt that goes with them."""

    aggregate_type: str
    aggregate_id: UUID
    expected_version: int
    events: Sequence[object]
    metadata: Metadata
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Damaged:
    """Stands in the feed for an event that cannot be read, so that the others can. `error` says why."""

    event_type: str
    error: Exception


def type_name(event: object) -> str:
    """The wire name of an event of the feed, damaged or not."""
    return event.event_type if isinstance(event, Damaged) else codec.type_of(event).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A piece of the feed. The next read starts at `through`; while writers hold the feed back it is not `settled`."""

    events: list[Recorded[Any]]
    through: int
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An aggregate's past, which is all that a decision needs.

    `events` are those after `snapshot`, which is the state at `snapshot_version` as JSON, or None at 0.
    """

    events: list[Any] = field(default_factory=list)
    snapshot: str | None = None
    snapshot_version: int = 0

    @property
    def version(self) -> int:
        return self.snapshot_version + len(self.events)

    def take(self, aggregate_id: UUID, version: int, event: Any) -> None:
        """The next event. Raises VersionGap where it is a later one."""
        require_next(aggregate_id, version, after=self.version)
        self.events.append(event)


def require_next(aggregate_id: UUID, version: int, *, after: int) -> None:
    """Raises VersionGap where `version` does not follow on `after`."""
    if version != after + 1:
        raise VersionGap(f"{aggregate_id} has version {version} in the log, and none {after + 1}")


EVENT_COLUMNS = (
    "event_id, aggregate_id, aggregate_type, event_type, schema_version, event_data, metadata, version, subject_id"
)
RECEIPT_COLUMNS = "command_id, command_type, fingerprint, aggregate_id, version"


def event_rows(writes: Sequence[Write]) -> list[tuple[Any, ...]]:
    """One row an event, of EVENT_COLUMNS and the version that has to be in the table already, 0 where none has to."""
    subjects = _subjects(writes)
    keys = encryption.keys_of(filter(None, subjects)) if any(subjects) else {}
    subject_ids = iter(subjects)
    rows: list[tuple[Any, ...]] = []
    reached: dict[UUID, int] = {}  # by the writes before, in this same call
    for write in writes:
        metadata = codec.encode(write.metadata)
        follows = 0 if reached.get(write.aggregate_id) == write.expected_version else write.expected_version
        for version, event in enumerate(write.events, start=write.expected_version + 1):
            declared, event_id, subject_id = codec.type_of(event), new_id(), next(subject_ids)
            stored = encryption.conceal(declared, event, event_id, keys[subject_id]) if subject_id else event
            rows.append(
                (
                    event_id,
                    write.aggregate_id,
                    write.aggregate_type,
                    declared.name,
                    declared.schema_version,
                    codec.encode(stored),
                    metadata,
                    version,
                    subject_id,
                    follows,
                )
            )
            reached[write.aggregate_id], follows = version, 0
    return rows


def _subjects(writes: Sequence[Write]) -> list[UUID | None]:
    """Whose personal data each event holds, in order."""
    return [encryption.subject_of(codec.type_of(event), event) for write in writes for event in write.events]


def receipt_row(receipt: Receipt) -> tuple[Any, ...]:
    """Of RECEIPT_COLUMNS."""
    return (
        receipt.command_id,
        receipt.command_type,
        receipt.fingerprint,
        receipt.aggregate_id,
        receipt.version,
    )


def receipt_of(row: Sequence[Any]) -> Receipt:
    return Receipt(
        command_id=row[0], command_type=row[1], fingerprint=bytes(row[2]), aggregate_id=row[3], version=row[4]
    )


def recorded(row: Sequence[Any], *, tolerant: bool = False) -> Recorded[Any]:
    return Recorded(
        position=row[0],
        event_id=row[9],
        aggregate_id=row[1],
        aggregate_type=row[2],
        version=row[3],
        timestamp=row[4],
        metadata=codec.decode_metadata(row[5]),
        event=_readable(row[6:]) if tolerant else decoded(row[6:]),
    )


def _readable(columns: Sequence[Any]) -> Any:
    """An event, or Damaged. What a newer release or a key can mend is raised: waiting is better than parking."""
    try:
        return decoded(columns)
    except (CorruptEvent, MissingUpcaster) as error:
        return Damaged(columns[0], error)


def decoded(columns: Sequence[Any]) -> Any:
    """An event from the columns that `store` calls decoded."""
    event_type, schema_version, data, event_id, subject_id, wrapped, master = columns
    if subject_id is None:
        return codec.decode(event_type, schema_version, data)
    key = stored_key(subject_id, wrapped, master)
    return codec.decode(event_type, schema_version, data, encryption.opener(event_id, key))


def stored_key(subject_id: UUID, wrapped: bytes | None, master: str | None) -> StoredKey:
    """A subject's key from the columns joined to an event of theirs. Raises WrongKey where the join found none."""
    if master is None:
        raise WrongKey(f"subject_keys has no row for {subject_id}, the subject of an event: restore it")
    return StoredKey(subject_id, wrapped and bytes(wrapped), master)
