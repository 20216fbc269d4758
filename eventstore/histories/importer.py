"""Histories that another site exported, into this site's log: all of a file or nothing."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
from django.db import transaction

from eventstore.codec import IMPORTED
from eventstore.decider import decider_named
from eventstore.dispatch import signal_after_commit
from eventstore.errors import CorruptLine, ForeignFile, HistoryConflict, SubjectWasErased, VersionGap
from eventstore.histories.event_line import Header, Line, as_json, line_of, parsed
from eventstore.histories.staging import Incoming, Row
from eventstore.messages import EVENTS
from eventstore.personal_data import encryption

BATCH = 500  # lines held in memory at a time
LONGEST = 16 * 1024 * 1024  # bytes of a line
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it; a backslash of the text's own is doubled

Numbered = tuple[int, Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did: the events it added, those that were here already, and the last position it took, or 0."""

    added: int
    present: int
    position: int


def import_history(file: BinaryIO) -> Imported:
    """Bring the histories of a file here: ids, versions, recorded times and metadata as they were, positions new.

    Each event is marked IMPORTED in its `extra`, and its personal fields are encrypted under this site's own keys. An
    event that is here already, mark aside, is passed over. Everything is written in one transaction, or nothing.

    Raises, with the number of the line as a note: ForeignFile, CorruptLine, UnknownEventType, MissingUpcaster,
    NewerSchemaVersion, CorruptEvent, UndeclaredMessage, VersionGap, HistoryConflict, SubjectWasErased, WrongKey.
    """
    mark = datetime.now(UTC).isoformat()
    added = present = 0
    with transaction.atomic():
        incoming = Incoming()
        reader = _Reader(file)
        for batch in _batches(reader):
            fresh = _fresh(batch, incoming)
            incoming.stage(_rows(fresh, mark))
            added, present = added + len(fresh), present + len(batch) - len(fresh)
        reader.require_whole()
        position, grown = incoming.place()
        if grown:
            signal_after_commit(grown, position)
    return Imported(added=added, present=present, position=position)


# --- reading ----------------------------------------------------------------------------------------------------------


class _Reader:
    """The events of a file, or of several one after another, with the numbers of their lines."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._promised = self._found = 0

    def __iter__(self) -> Iterator[Numbered]:
        number = 0
        while raw := self._file.readline(LONGEST + 1):
            number += 1
            with _at(number):
                if len(raw) > LONGEST:
                    raise CorruptLine(f"it is longer than {LONGEST:,} bytes")
                line = parsed(raw)
                if isinstance(line, Header):
                    self._promised += line.events
                    continue
                if not self._promised:
                    raise ForeignFile("a history begins with a header, and this is none")
            self._found += 1
            yield number, line

    def require_whole(self) -> None:
        """Raises ForeignFile where there are not as many events as the headers promised, or none at all."""
        if not self._promised:
            raise ForeignFile("the file is empty")
        if self._found != self._promised:
            raise ForeignFile(
                f"its header tells of {self._promised} events, and {self._found} are there: it was cut off, or edited"
            )


def _batches(lines: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """So many lines at a time; a new batch begins with what stands in the last one already."""
    batch: list[Numbered] = []
    seen: set[object] = set()
    for number, line in lines:
        marks = {line.event_id, (line.aggregate_id, line.version)}
        if len(batch) == BATCH or seen & marks:
            yield batch
            batch, seen = [], set()
        batch.append((number, line))
        seen |= marks
    if batch:
        yield batch


@contextmanager
def _at(number: int) -> Iterator[None]:
    """Errors from here on name the line."""
    try:
        yield
    except Exception as error:
        error.add_note(f"line {number}")
        raise


# --- judging ----------------------------------------------------------------------------------------------------------


def _fresh(batch: Sequence[Numbered], incoming: Incoming) -> list[Numbered]:
    """The lines whose events are not here yet, each of which can follow what is."""
    # Before `like`: what is appended in between is then found there, and not taken for a gap.
    heads = incoming.heads({line.aggregate_id for _, line in batch})
    rows = incoming.like([(line.event_id, line.aggregate_id, line.version) for _, line in batch])
    by_id = {row.event_id: row for row in rows}
    by_place = {(row.aggregate_id, row.version): row for row in rows}
    fresh = []
    for number, line in batch:
        with _at(number):
            _require_readable(line)
            row = by_id.get(line.event_id) or by_place.get((line.aggregate_id, line.version))
            if row:
                _require_same(line, row)
                continue
            aggregate_type, version = heads.get(line.aggregate_id, (line.aggregate_type, 0))
            if line.aggregate_type != aggregate_type:
                raise HistoryConflict(f"{line.aggregate_id} is of the type {aggregate_type!r} here")
            if line.version != version + 1:
                raise VersionGap(f"version {line.version} of {line.aggregate_id} cannot follow version {version}")
            heads[line.aggregate_id] = aggregate_type, line.version
            fresh.append((number, line))
    return fresh


def _require_readable(line: Line) -> None:
    """This code knows the event, its shape and its aggregate. Raises by name what it does not."""
    assert line.event is not None
    assert line.cause
    decider_named(line.aggregate_type)


def _require_same(line: Line, row: Row) -> None:
    """Raises HistoryConflict, and SubjectWasErased for a name that this site has erased."""
    here = line_of(row)
    if row.key and row.key.wrapped is None and any(here.data.get(name) == encryption.ERASED for name in line.secrets):
        raise SubjectWasErased(row.key.subject_id)
    theirs, ours = _compared(line), _compared(here)
    if differing := [name for name in ours if ours[name] != theirs[name]]:
        raise HistoryConflict(
            f"event {row.event_id}, version {row.version} of {row.aggregate_id}, is here, with another"
            f" {' and '.join(differing)}"
        )


def _compared(line: Line) -> dict[str, Any]:
    """What makes an event the same: neither who imported it when, nor how this site keeps it."""
    fields = msgspec.structs.asdict(line)
    del fields["subject_id"], fields["personal"]
    extra = {mark: text for mark, text in line.cause.extra.items() if mark != IMPORTED}
    return fields | {"metadata": line.metadata | {"extra": extra}}


# --- keeping ----------------------------------------------------------------------------------------------------------


def _rows(lines: Sequence[Numbered], mark: str) -> list[Row]:
    """The events as they will stand here. Raises SubjectWasErased, WrongKey, CorruptLine."""
    subjects = {number: _subject(line) for number, line in lines if line.secrets}
    keys = _keys(subjects)
    rows = []
    for number, line in lines:
        subject_id = subjects.get(number)
        sealed = encryption.encrypt_fields(line.secrets, line.event_id, keys[subject_id]) if subject_id else {}
        metadata = line.metadata | {"extra": line.cause.extra | {IMPORTED: mark}}
        with _at(number):
            rows.append(
                Row(
                    event_id=line.event_id,
                    aggregate_id=line.aggregate_id,
                    aggregate_type=line.aggregate_type,
                    version=line.version,
                    event_type=line.event_type,
                    schema_version=line.schema_version,
                    timestamp=line.timestamp,
                    metadata=_storable(metadata),
                    data=_storable(line.data | sealed),
                    subject_id=subject_id,
                )
            )
    return rows


def _subject(line: Line) -> UUID:
    """Whose personal data an event holds: as its own site knew them, or else as its declaration says."""
    subject_id = line.subject_id or encryption.subject_of(EVENTS[line.event_type], line.event)
    if subject_id is None:
        raise CorruptLine(f"event {line.event_id} holds personal data, and nothing says whose")
    return subject_id


def _keys(subjects: dict[int, UUID]) -> dict[UUID, bytes]:
    """A key for each subject of a line. Raises SubjectWasErased for the first line about somebody erased."""
    try:
        return encryption.keys_of(subjects.values())
    except SubjectWasErased as error:
        with _at(next(number for number, subject_id in subjects.items() if subject_id == error.subject_id)):
            raise


def _storable(value: dict[str, Any]) -> str:
    text = as_json(value)
    if _NUL.search(text):
        raise CorruptLine("it holds the character NUL, which no database column takes")
    return text
