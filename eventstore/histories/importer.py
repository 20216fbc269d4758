"""Import histories that another site exported into this site's log: the whole file or nothing."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
from django.db import transaction

from eventstore import store
from eventstore.codec import IMPORTED
from eventstore.decider import decider_named
from eventstore.dispatch import signal_after_commit
from eventstore.errors import CorruptLine, ForeignFile, HistoryConflict, LimitExceeded, SubjectWasErased, VersionGap
from eventstore.histories.event_line import EventLine, Header, as_json, line_of, parse_line
from eventstore.histories.possible import States
from eventstore.histories.staging import Incoming, Row
from eventstore.limits import values
from eventstore.messages import EVENTS
from eventstore.personal_data import encryption, in_the_clear
from eventstore.personal_data.texts import text_at, with_texts
from eventstore.records import type_name

BATCH = 500  # lines held in memory at a time
MAX_LINE_BYTES = 16 * 1024 * 1024

Numbered = tuple[int, EventLine]
"""A line and its number in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The result of an import.

    Counts the events added and those that were present before; `position` is the last one it took, or 0.
    """

    added: int
    present: int
    position: int


def import_history(file: BinaryIO) -> Imported:
    """Append the histories of a file to this log, in one transaction.

    Ids, versions, recorded times and metadata stay as they are; positions are new. Each event gets the mark IMPORTED in
    its `extra`. Personal fields are encrypted with this site's keys. An event that is in this log already is skipped.

    Raises, with the line number as a note: ForeignFile, CorruptLine, UnknownEventType, MissingUpcaster,
    NewerSchemaVersion, CorruptEvent, UndeclaredMessage, VersionGap, HistoryConflict, SubjectWasErased, WrongKey.
    CorruptEvent also refuses an event that cannot follow the earlier ones of its aggregate.
    """
    imported_at = datetime.now(UTC).isoformat()
    added = present = 0
    with transaction.atomic():
        incoming = Incoming()
        states, reader, subjects = States(incoming), _Reader(file), _Subjects()
        for batch in _batches(reader):
            new = _new_lines(batch, incoming, states)
            subjects.learn(line for _, line in batch)
            incoming.stage(_rows(new, subjects, imported_at))
            added, present = added + len(new), present + len(batch) - len(new)
        reader.require_complete()
        position, appended = incoming.append_staged()
        if appended:
            signal_after_commit(appended, position)
    return Imported(added=added, present=present, position=position)


# --- reading ----------------------------------------------------------------------------------------------------------


class _Reader:
    """Yields the events of a file with their line numbers. A file may hold several exports one after another."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._announced = self._read = 0  # events, by the headers and in fact

    def __iter__(self) -> Iterator[Numbered]:
        number = 0
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            number += 1
            with _line_number_in_errors(number):
                if len(raw) > MAX_LINE_BYTES:
                    raise CorruptLine(f"the line is longer than {MAX_LINE_BYTES:,} bytes")
                line = parse_line(raw)
                if isinstance(line, Header):
                    self._announced += line.events
                    continue
                if not self._announced:
                    raise ForeignFile("a history begins with a header, and this file has none")
            self._read += 1
            yield number, line

    def require_complete(self) -> None:
        """Raise ForeignFile if the file has no header, or not as many events as its headers say."""
        if not self._announced:
            raise ForeignFile("the file is empty")
        if self._read != self._announced:
            raise ForeignFile(
                f"the header announces {self._announced} events, but the file has {self._read}: "
                "it was cut off or edited"
            )


def _batches(lines: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """Yield batches of at most BATCH lines. No batch holds an event id, or a version of an aggregate, twice."""
    batch: list[Numbered] = []
    seen: set[object] = set()
    for number, line in lines:
        keys = {line.event_id, (line.aggregate_id, line.version)}
        if len(batch) == BATCH or seen & keys:
            yield batch
            batch, seen = [], set()
        batch.append((number, line))
        seen |= keys
    if batch:
        yield batch


@contextmanager
def _line_number_in_errors(number: int) -> Iterator[None]:
    """Add the line number as a note to any error inside the block."""
    try:
        yield
    except Exception as error:
        error.add_note(f"line {number}")
        raise


# --- checking ---------------------------------------------------------------------------------------------------------


def _new_lines(batch: Sequence[Numbered], incoming: Incoming, states: States) -> list[Numbered]:
    """Return the lines whose events are not in this log yet, after checking that each can be appended."""
    # Read before `existing`: an event that is appended in between is then found there, and does not look like a gap.
    heads = incoming.heads({line.aggregate_id for _, line in batch})
    rows = incoming.existing([(line.event_id, line.aggregate_id, line.version) for _, line in batch])
    by_id = {row.event_id: row for row in rows}
    by_version = {(row.aggregate_id, row.version): row for row in rows}
    new = []
    for number, line in batch:
        with _line_number_in_errors(number):
            _require_readable(line)
            row = by_id.get(line.event_id) or by_version.get((line.aggregate_id, line.version))
            if row:
                _require_same(line, row)
                continue
            aggregate_type, version = heads.get(line.aggregate_id, (line.aggregate_type, 0))
            if line.aggregate_type != aggregate_type:
                raise HistoryConflict(f"{line.aggregate_id} has the type {aggregate_type!r} on this site")
            if line.version != version + 1:
                raise VersionGap(f"version {line.version} of {line.aggregate_id} cannot follow version {version}")
            states.take(line)
            heads[line.aggregate_id] = aggregate_type, line.version
            new.append((number, line))
    return new


def _require_readable(line: EventLine) -> None:
    """Raise an error by name if this code does not know the event, its schema version or its aggregate type.

    Raises CorruptLine if the log does not accept one of its values.
    """
    try:
        for value in (line.timestamp, line.data, line.metadata, line.event, line.cause.occurred_at):
            values.require_accepted(value)
    except LimitExceeded as refusal:
        raise CorruptLine(refusal.message) from refusal
    decider_named(line.aggregate_type)


def _require_same(line: EventLine, row: Row) -> None:
    """Raise HistoryConflict if the stored event differs from the line.

    Raises SubjectWasErased if the line has personal data that this site has erased.
    """
    stored = line_of(row)
    if row.erased and any(text_at(stored.data, path) == encryption.ERASED for path in line.personal_texts):
        raise SubjectWasErased(row.subject_id or in_the_clear.subjects_of([row.aggregate_id])[row.aggregate_id])
    theirs, ours = _compared_fields(line), _compared_fields(stored)
    if differing := [name for name in ours if ours[name] != theirs[name]]:
        raise HistoryConflict(
            f"event {row.event_id}, version {row.version} of {row.aggregate_id}, is in this log, but with another"
            f" {' and '.join(differing)}"
        )


def _compared_fields(line: EventLine) -> dict[str, Any]:
    """Return the fields that must be equal: all but the import mark and how a site encrypts personal data."""
    fields = msgspec.structs.asdict(line)
    del fields["subject_id"], fields["personal"]
    extra = {key: text for key, text in line.cause.extra.items() if key != IMPORTED}
    return fields | {"metadata": line.metadata | {"extra": extra}}


# --- storing ----------------------------------------------------------------------------------------------------------


class _Subjects:
    """The people whom the aggregates of a file are about, as the first event of each aggregate says."""

    def __init__(self) -> None:
        self._of_aggregate: dict[UUID, UUID | None] = {}

    def learn(self, lines: Iterable[EventLine]) -> None:
        """Remember the people in the first events of aggregates, in the lines or in this log."""
        unknown = set()
        for line in lines:
            if line.version == 1:
                self._of_aggregate[line.aggregate_id] = encryption.own_subject(EVENTS[line.event_type], line.event)
            elif line.aggregate_id not in self._of_aggregate:
                unknown.add(line.aggregate_id)
        for key, first in (store.first_of(unknown) if unknown else {}).items():
            declared = EVENTS.get(type_name(first.event))
            if declared and not isinstance(first.event, store.Damaged):
                self._of_aggregate[key] = encryption.own_subject(declared, first.event)

    def of(self, line: EventLine) -> UUID:
        """Return the person whose data an event holds: as the line says, or as the declarations say."""
        subject_id = line.subject_id or encryption.own_subject(EVENTS[line.event_type], line.event)
        subject_id = subject_id or self._of_aggregate.get(line.aggregate_id)
        if subject_id is None:
            raise CorruptLine(f"event {line.event_id} holds personal data, but names no subject")
        return subject_id


def _rows(lines: Sequence[Numbered], people: _Subjects, imported_at: str) -> list[Row]:
    """Return the rows to append, with personal texts encrypted. Raises SubjectWasErased, WrongKey, CorruptLine."""
    subjects = {number: people.of(line) for number, line in lines if line.personal_texts}
    keys = _keys(subjects)
    rows = []
    for number, line in lines:
        subject_id = subjects.get(number)
        encrypted = (
            encryption.encrypt_fields(line.personal_texts, line.event_id, keys[subject_id]) if subject_id else {}
        )
        metadata = line.metadata | {"extra": line.cause.extra | {IMPORTED: imported_at}}
        with _line_number_in_errors(number):
            rows.append(
                Row(
                    event_id=line.event_id,
                    aggregate_id=line.aggregate_id,
                    aggregate_type=line.aggregate_type,
                    version=line.version,
                    event_type=line.event_type,
                    schema_version=line.schema_version,
                    timestamp=line.timestamp,
                    metadata=as_json(metadata),
                    data=as_json(with_texts(line.data, encrypted)),
                    subject_id=subject_id,
                )
            )
    return rows


def _keys(subjects: dict[int, UUID]) -> dict[UUID, bytes]:
    """Return a key for each subject. `subjects` is by line number.

    Raises SubjectWasErased with the number of the first line about an erased person.
    """
    try:
        return encryption.keys_of(subjects.values())
    except SubjectWasErased as error:
        with _line_number_in_errors(
            next(number for number, subject_id in subjects.items() if subject_id == error.subject_id)
        ):
            raise
