"""The rows of the log's tables as objects, and the conversion from and to rows.

The columns that an append writes are named here. The columns of rows that are read are named in `eventstore.store`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from msgspec.structs import replace

from eventstore import codec
from eventstore.codec import Metadata
from eventstore.errors import CorruptEvent, MissingUpcaster, SubjectWasErased, VersionGap, WrongKey
from eventstore.ids import new_id
from eventstore.limits import times
from eventstore.messages import OF_AGGREGATE, UnclearSubject
from eventstore.personal_data import encryption
from eventstore.personal_data.encryption import Ciphers, StoredKey

E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Generic[E]):
    """An event with its envelope, as recorded in the log."""

    position: int
    event_id: UUID
    aggregate_id: UUID
    aggregate_type: str
    version: int
    timestamp: datetime
    """When it was recorded; the first accepted moment if that cannot be read. The event is then damaged."""
    metadata: Metadata
    """Who and what caused it; UNREADABLE_METADATA if that cannot be read. The event is then damaged."""
    event: E

    @property
    def occurred_at(self) -> datetime:
        """Return the business time of the event. It is the recorded time unless the metadata names another."""
        return self.metadata.occurred_at or self.timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What is stored about a command that was done: enough to recognise a repeat and to answer it."""

    command_id: UUID
    command_type: str
    fingerprint: bytes
    aggregate_id: UUID
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """New events of one aggregate, the version they follow, and the receipt of their command.

    `subject_id` is the person whom the aggregate is about, for events with the subject `OF_AGGREGATE`.
    """

    aggregate_type: str
    aggregate_id: UUID
    expected_version: int
    events: Sequence[object]
    metadata: Metadata
    receipt: Receipt | None = None
    subject_id: UUID | None = None


UNREADABLE_METADATA = Metadata(actor="unknown", command_id=UUID(int=0), correlation_id=UUID(int=0))
"""The metadata of an event whose own cannot be read."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """Takes the place of an event that cannot be read, so that the other events can. `error` says why."""

    event_type: str
    error: Exception


def type_name(event: object) -> str:
    """Return the wire name of an event from the feed, damaged or not."""
    return event.event_type if isinstance(event, Damaged) else codec.type_of(event).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of the feed. The next read starts after `through`.

    `settled` is false while open transactions hold back a part of the log.
    """

    events: list[Recorded[Any]]
    through: int
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An aggregate's history: a snapshot, and the events after it.

    `snapshot` is the state at `snapshot_version` as JSON. Without a snapshot it is None, and `snapshot_version` is 0.
    """

    events: list[Any] = field(default_factory=list)
    snapshot: str | None = None
    snapshot_version: int = 0

    @property
    def version(self) -> int:
        """Return the aggregate's version after the last event."""
        return self.snapshot_version + len(self.events)

    def add(self, aggregate_id: UUID, version: int, event: Any) -> None:
        """Add the next event. Raises VersionGap if `version` is not the next one."""
        require_next(aggregate_id, version, after=self.version)
        self.events.append(event)


def require_next(aggregate_id: UUID, version: int, *, after: int) -> None:
    """Raise VersionGap unless `version` directly follows `after`."""
    if version != after + 1:
        raise VersionGap(f"{aggregate_id} has version {version} in the log, but no version {after + 1}")


EVENT_COLUMNS = (
    "event_id, aggregate_id, aggregate_type, event_type, schema_version, event_data, metadata, version, subject_id"
)
RECEIPT_COLUMNS = "command_id, command_type, fingerprint, aggregate_id, version"


def event_rows(writes: Sequence[Write]) -> list[tuple[Any, ...]]:
    """Return one row for each event: the values of EVENT_COLUMNS, then the required version.

    The required version is the version that the aggregate must already have in the table, or 0 if there is nothing to
    check. Only the first row of a write has one.

    After the erasure of the person whom an aggregate is about, its events are still recorded, such as a payment, but
    their personal texts are ERASED. An event that names an erased person itself raises SubjectWasErased.
    """
    subjects = [subject_id for write in writes for subject_id in _subject_ids(write)]
    keys = encryption.keys_or_none(filter(None, subjects)) if any(subjects) else {}
    subject_ids = iter(subjects)
    rows: list[tuple[Any, ...]] = []
    written: dict[UUID, int] = {}  # the version that an earlier write of this call brings each aggregate to
    for write in writes:
        metadata = codec.encode(write.metadata)
        required = 0 if written.get(write.aggregate_id) == write.expected_version else write.expected_version
        for version, event in enumerate(write.events, start=write.expected_version + 1):
            declared, event_id, subject_id = codec.type_of(event), new_id(), next(subject_ids)
            stored = event
            if subject_id:
                key = keys[subject_id]
                if key is None and declared.subject != OF_AGGREGATE:
                    raise SubjectWasErased(subject_id)
                stored = encryption.encrypt_event(declared, event, event_id, key)
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
                    required,
                )
            )
            written[write.aggregate_id], required = version, 0
    return rows


def _subject_ids(write: Write) -> list[UUID | None]:
    """Return the subject of each event's personal texts, in order. Raises UnclearSubject."""
    of_aggregate = write.subject_id
    subjects: list[UUID | None] = []
    for event in write.events:
        declared = codec.type_of(event)
        own = encryption.own_subject(declared, event)
        of_aggregate = of_aggregate or own
        subject_id = own or of_aggregate
        if not encryption.holds_personal_text(declared, event):
            subjects.append(None)
        elif subject_id is None:
            raise UnclearSubject(
                f"{declared.name} holds personal texts, but its write names no subject:"
                f" set `subject` of the decider of {write.aggregate_type!r}"
            )
        else:
            subjects.append(subject_id)
    return subjects


def receipt_row(receipt: Receipt) -> tuple[Any, ...]:
    """Return the values of RECEIPT_COLUMNS."""
    return (
        receipt.command_id,
        receipt.command_type,
        receipt.fingerprint,
        receipt.aggregate_id,
        receipt.version,
    )


def receipt_from_row(row: Sequence[Any]) -> Receipt:
    """Return the receipt in a row of RECEIPT_COLUMNS."""
    return Receipt(
        command_id=row[0], command_type=row[1], fingerprint=bytes(row[2]), aggregate_id=row[3], version=row[4]
    )


def recorded_from_row(
    row: Sequence[Any], *, tolerant: bool = False, ciphers: Ciphers | None = None, erased: bool = False
) -> Recorded[Any]:
    """Return the event in a row of the columns that `store` calls a fact. `ciphers` is shared by the rows of one read.

    `erased` says that the person whom the aggregate is about was erased, for events that name no person themselves.

    With `tolerant`, an event becomes `Damaged` if its data, its metadata or one of its times cannot be read. Errors
    that a newer release or a restored key fixes are raised all the same: readers then wait instead of parking it.

    Raises CorruptEvent for metadata and times, and what `decode_event` raises.
    """
    metadata = UNREADABLE_METADATA
    try:
        metadata = codec.decode_metadata(row[5])
        if row[4] is None:
            raise CorruptEvent(f"{row[6]} was recorded at a time that the log does not accept")
        if metadata.occurred_at is not None and not times.is_accepted(metadata.occurred_at):
            metadata = replace(metadata, occurred_at=None)
            raise CorruptEvent(f"{row[6]} happened at a time that the log does not accept; stored: {row[5][:200]}")
        event = decode_event(row[6:], ciphers, erased=erased)
    except (CorruptEvent, MissingUpcaster) as error:
        if not tolerant:
            raise
        event = Damaged(row[6], error)
    return Recorded(
        position=row[0],
        event_id=row[9],
        aggregate_id=row[1],
        aggregate_type=row[2],
        version=row[3],
        timestamp=times.EARLIEST if row[4] is None else row[4],
        metadata=metadata,
        event=event,
    )


def decode_event(columns: Sequence[Any], ciphers: Ciphers | None = None, *, erased: bool = False) -> Any:
    """Return the event in the columns that `store` calls decoded. `erased` is as in `recorded_from_row`.

    Raises what `codec.decode` raises, and WrongKey.
    """
    event_type, schema_version, data, event_id, subject_id, wrapped, master = columns
    if subject_id is None:
        return codec.decode(event_type, schema_version, data, erased=erased)
    key = stored_key(subject_id, wrapped, master)
    reveal = encryption.field_decryptor(event_id, key, ciphers)
    return codec.decode(event_type, schema_version, data, reveal, erased=key.wrapped is None)


def stored_key(subject_id: UUID, wrapped: bytes | None, master: str | None) -> StoredKey:
    """Return a subject's key from the columns joined to an event. Raises WrongKey if the join found no key."""
    if master is None:
        raise WrongKey(f"subject_keys has no row for {subject_id}, the subject of an event: restore it")
    return StoredKey(subject_id, wrapped and bytes(wrapped), master)
