"""Append to the log, read one aggregate, read the whole log after a position.

All SQL on the log's tables is here and in `eventstore.writing`, except for whole rows that are exported and imported
(`eventstore.histories.staging`).

Fast path: hand-written, prepared statements instead of the ORM; measured in docs/decisions/03 and docs/performance.md.

Two rules make the feed of the whole log complete, although no lock serialises the writers. Before a writer takes a
position, it announces the last value of the position sequence. A reader reads no further than the lowest announcement
still held (`horizon`). docs/the-log.md explains it in full.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from random import randint
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.utils import IntegrityError, OperationalError
from psycopg import errors as pg
from psycopg.types.datetime import TimestamptzLoader

from eventstore import codec, writing
from eventstore.errors import ConcurrencyError
from eventstore.gc_pause import gc_paused
from eventstore.personal_data import in_the_clear
from eventstore.personal_data.encryption import Ciphers
from eventstore.records import (
    RECEIPT_COLUMNS,
    Damaged,
    History,
    Page,
    Receipt,
    Recorded,
    Write,
    decode_event,
    event_rows,
    receipt_from_row,
    recorded_from_row,
)
from eventstore.sharding import IN_SHARD, WHOLE, Shard, in_shard_values
from eventstore.sql import RECORDED_AT, fetch_all
from eventstore.sql import cursor as _cursor  # renamed: the functions have local variables called `cursor`

# The types that these functions take and return.
__all__ = ["Damaged", "History", "Page", "Receipt", "Recorded", "Write"]

COPY_FROM = 64  # with more rows than this, COPY is faster than one statement with several VALUES


def append(writes: Sequence[Write]) -> int:
    """Append all of `writes` with their receipts, or nothing. Return the last position taken, or 0 without events.

    Positions follow the order of `writes`. Outside a transaction, the append is a transaction by itself. Inside a
    transaction, make the append its last statement: until the transaction ends, no reader reads past it.

    Raises ConcurrencyError when an aggregate is not at its expected version or a receipt's command was already done,
    SubjectWasErased when an event holds personal data of an erased person.
    """
    rows = event_rows(writes)
    receipts = [write.receipt for write in writes if write.receipt]
    write_rows = writing.insert_one if len(writes) == 1 and rows else writing.insert
    if len(rows) + len(receipts) > COPY_FROM:
        write_rows = writing.copy
    try:
        if write_rows is not writing.copy and not connection.in_atomic_block:
            return write_rows(rows, receipts)  # one statement is a transaction by itself
        with transaction.atomic():  # inside a transaction, a savepoint: the caller can continue after a refusal
            return write_rows(rows, receipts)
    except (IntegrityError, OperationalError) as error:
        if isinstance(error.__cause__, pg.UniqueViolation | pg.DeadlockDetected):
            first = writes[0] if len(writes) == 1 else None
            raise ConcurrencyError(
                (first and first.aggregate_id) or None, (first and first.expected_version) or None
            ) from error
        raise


def history(aggregate_id: UUID, *, shape: str, personal: bool = True) -> History:
    """Return an aggregate's history, all that a decision needs, in one round trip.

    A snapshot of a shape other than `shape` is ignored. Without `personal`, personal fields stay encrypted. Raises
    VersionGap, and what decoding an event raises.
    """
    rows = fetch_all(_HISTORY if personal else _ENCRYPTED_HISTORY, (aggregate_id, shape, aggregate_id))
    result = History(snapshot=rows[0][1], snapshot_version=rows[0][0] or 0)
    ciphers: Ciphers = {}
    erased = bool(personal and _of_erased_persons((aggregate_id, *row[3:]) for row in rows))
    for _, _, version, *event in rows:
        if version is not None:
            fact = decode_event(event, ciphers, erased=erased) if personal else codec.decode(*event)
            result.add(aggregate_id, version, fact)
    return result


def histories(shapes: Mapping[UUID, str]) -> dict[UUID, History]:
    """Return the histories of many aggregates. `shapes` maps each id to the shape that its snapshot must have.

    Raises what `history` raises.
    """
    result: dict[UUID, History] = {}
    ciphers: Ciphers = {}
    with _cursor() as cursor:
        cursor.execute(_HISTORIES, (list(shapes), list(shapes.values())))
        rows = cursor.fetchall()
    erased = _of_erased_persons((row[0], *row[4:]) for row in rows)
    for aggregate_id, snapshot_version, snapshot, version, *event in rows:
        history = result.setdefault(aggregate_id, History(snapshot=snapshot, snapshot_version=snapshot_version or 0))
        if version is not None:
            history.add(aggregate_id, version, decode_event(event, ciphers, erased=aggregate_id in erased))
    return result


def receipts(command_ids: Iterable[UUID]) -> dict[UUID, Receipt]:
    """Return the receipts of these commands, by command id. A command that was not done has none."""
    with _cursor() as cursor:
        cursor.execute(_RECEIPTS, (list(command_ids),))
        return {row[0]: receipt_from_row(row) for row in cursor}


def read_stream(aggregate_id: UUID, *, after_version: int = 0, tolerant: bool = False) -> list[Recorded[Any]]:
    """Return one aggregate's events, oldest first. With `tolerant`, an event that cannot be read becomes `Damaged`."""
    with _cursor() as cursor:
        cursor.execute(_STREAM, (aggregate_id, after_version), prepare=True)
        return _facts(cursor.fetchall(), tolerant=tolerant)


def read_streams(aggregate_ids: Iterable[UUID], *, tolerant: bool = False) -> dict[UUID, list[Recorded[Any]]]:
    """Return the events of many aggregates as `read_stream` does. An aggregate without events is left out."""
    streams: dict[UUID, list[Recorded[Any]]] = {}
    with _cursor() as cursor:
        cursor.execute(_STREAMS, (list(aggregate_ids),))
        for fact in _facts(cursor.fetchall(), tolerant=tolerant):
            streams.setdefault(fact.aggregate_id, []).append(fact)
    return streams


def read_at(positions: Sequence[int]) -> list[Recorded[Any]]:
    """Return the events at these positions, in log order. An event that cannot be read becomes `Damaged`."""
    with _cursor() as cursor:
        cursor.execute(_AT, (list(positions),))
        return _facts(cursor.fetchall(), tolerant=True)


def first_of(aggregate_ids: Iterable[UUID]) -> dict[UUID, Recorded[Any]]:
    """Return the first event of each of these aggregates. An event that cannot be read becomes `Damaged`."""
    with _cursor() as cursor:
        cursor.execute(_FIRST, (list(aggregate_ids),))
        return {fact.aggregate_id: fact for fact in _facts(cursor.fetchall(), tolerant=True)}


def _facts(rows: Sequence[Sequence[Any]], *, tolerant: bool) -> list[Recorded[Any]]:
    """Return the events in rows of the columns `_FACT`."""
    ciphers: Ciphers = {}
    erased = _of_erased_persons((row[1], *row[6:]) for row in rows)
    return [recorded_from_row(row, tolerant=tolerant, ciphers=ciphers, erased=row[1] in erased) for row in rows]


def _of_erased_persons(rows: Iterable[Sequence[Any]]) -> set[UUID]:
    """Return the aggregates that are about erased persons, of the rows whose old texts may be in the clear.

    Each row is an aggregate's id and the columns `_DECODED`. Asks the database only if there is such a row.
    """
    unclear = {row[0] for row in rows if in_the_clear.is_possible(row[1], row[2], row[5])}
    return in_the_clear.of_erased_persons(unclear)


def has_before(position: int, event_types: Sequence[str]) -> bool:
    """Return whether the log has an event of these types at or before `position`."""
    with _cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM events WHERE position <= %s AND event_type = ANY(%s))",
            (position, list(event_types)),
        )
        return bool((cursor.fetchone() or (False,))[0])


def aggregates(*, share: float = 1.0) -> Iterator[tuple[UUID, int]]:
    """Yield aggregate ids, each with the position of its first event, in log order: all, or a random share.

    An aggregate with a gap in its versions comes again after the gap.
    """
    position, end = 0, latest_position()
    while position < end:
        with _cursor() as cursor:
            cursor.execute(_AGGREGATES, (position, share))
            rows = cursor.fetchall()
        if not rows:
            return
        yield from rows
        position = rows[-1][1]


def read_after(
    position: int,
    *,
    limit: int,
    through: int | None = None,
    event_types: Sequence[str] | None = None,
    shard: Shard = WHOLE,
    ends: tuple[int, int] | None = None,
) -> Page:
    """Return the next events of the log, or of one shard, after `position`, in log order. No event is skipped.

    Reads at most `limit` events, and no further than the horizon: everything up to the horizon is settled, so it is
    committed and visible, or rolled back. `through` is an earlier position to stop at. An event that cannot be read
    becomes `Damaged`. `ends` are the two values of `ENDS`, if the caller has just read them.
    """
    horizon, latest = ends or _read_ends()
    with _cursor() as cursor, gc_paused():
        # A second statement on purpose: its snapshot has to be younger than the horizon.
        end = horizon if through is None else min(horizon, through)
        values = (position, end, event_types, event_types, *in_shard_values(shard), limit)
        # Fast path: psycopg's loader instead of Django's, which is written in Python and five times as slow.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(_FEED, values, prepare=True)
        events = _facts(cursor.fetchall(), tolerant=True)
    through = events[-1].position if len(events) == limit else max(end, position)
    return Page(events=events, through=through, settled=horizon == latest)


def unread(
    position: int, *, event_types: Sequence[str], shard: Shard = WHOLE, count_to: int = 10_000
) -> tuple[int, datetime | None]:
    """Return the number of events of these types after `position`, and when the first of them was recorded.

    Events that are not settled count too. Counts no further than `count_to`.
    """
    with _cursor() as cursor:
        cursor.execute(_UNREAD, (position, list(event_types), *in_shard_values(shard), count_to))
        count, since = cursor.fetchone() or (0, None)
    return count, since


def some_aggregates(count: int) -> set[UUID]:
    """Return at most `count` aggregate ids, chosen by random positions: one with many events is chosen more often."""
    latest = latest_position()
    picked = [randint(1, max(latest, 1)) for _ in range(count)]  # noqa: S311 - a sample, not a secret
    with _cursor() as cursor:
        cursor.execute(_SOME, (picked,))
        return {row[0] for row in cursor}


def is_empty() -> bool:
    """Return whether the log has no events."""
    with _cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM events)")
        return not (cursor.fetchone() or (False,))[0]


def latest_position() -> int:
    """Return the highest position ever taken. A reader that is caught up has read up to it."""
    return _read_ends()[1]


def horizon() -> int:
    """Return the highest position up to which the log is settled."""
    return _read_ends()[0]


def _read_ends() -> tuple[int, int]:
    with _cursor() as cursor:
        cursor.execute(f"SELECT horizon, latest FROM {ENDS}", prepare=True)
        return cursor.fetchone() or (0, 0)


ENDS = "events_horizon()"
"""In SQL, a table of one row: `horizon`, up to where the log is settled, and `latest`, the highest position taken."""

# --- SQL --------------------------------------------------------------------------------------------------------------

# The columns that decoding needs: the event, and its subject's key.
_DECODED = "e.event_type, e.schema_version, e.event_data, e.event_id, e.subject_id, k.wrapped_key, k.master"
_LOG = "events e LEFT JOIN subject_keys k USING (subject_id)"
_FACT = f"e.position, e.aggregate_id, e.aggregate_type, e.version, {RECORDED_AT}, e.metadata, {_DECODED}"
_RECORDED = f"""
SELECT {_FACT} FROM {_LOG}
"""
_STREAM = _RECORDED + "WHERE e.aggregate_id = %s AND e.version > %s ORDER BY e.version"
_STREAMS = _RECORDED + "WHERE e.aggregate_id = ANY(%s) ORDER BY e.aggregate_id, e.version"
_FIRST = _RECORDED + "WHERE e.aggregate_id = ANY(%s) AND e.version = 1"
_AT = _RECORDED + "WHERE e.position = ANY(%s) ORDER BY e.position"
# The subquery limits the page before the keys are joined. With one plain join, PostgreSQL plans for the whole rest of
# the log: it starts parallel workers for one page, or, in a generic plan, sorts the whole rest.
_FEED = f"""
SELECT {_FACT} FROM (
       SELECT * FROM events e
        WHERE e.position > %s AND e.position <= %s AND (%s::text[] IS NULL OR e.event_type = ANY(%s)) AND {IN_SHARD}
        ORDER BY e.position LIMIT %s) e
  LEFT JOIN subject_keys k USING (subject_id)
 ORDER BY e.position
"""
_UNREAD = f"""
SELECT count(*), min(recorded_at) FROM (
       SELECT {RECORDED_AT} recorded_at FROM events e
        WHERE e.position > %s AND e.event_type = ANY(%s) AND {IN_SHARD} ORDER BY e.position LIMIT %s) unread
"""
_SOME = """
SELECT DISTINCT found.aggregate_id FROM unnest(%s::bigint[]) picked (position)
 CROSS JOIN LATERAL (SELECT aggregate_id FROM events e WHERE e.position >= picked.position
                      ORDER BY e.position LIMIT 1) found
"""
_HISTORY_TEMPLATE = """
SELECT s.version, s.state, e.version, {decoded}
  FROM (VALUES (1)) one
  LEFT JOIN snapshots s ON s.aggregate_id = %s AND s.shape = %s
  LEFT JOIN events e ON e.aggregate_id = %s AND e.version > coalesce(s.version, 0) {keys}
 ORDER BY e.version
"""
_HISTORY = _HISTORY_TEMPLATE.format(decoded=_DECODED, keys="LEFT JOIN subject_keys k USING (subject_id)")
_ENCRYPTED_HISTORY = _HISTORY_TEMPLATE.format(decoded="e.event_type, e.schema_version, e.event_data", keys="")
_HISTORIES = f"""
SELECT wanted.id, s.version, s.state, e.version, {_DECODED}
  FROM unnest(%s::uuid[], %s::text[]) wanted (id, shape)
  LEFT JOIN snapshots s ON s.aggregate_id = wanted.id AND s.shape = wanted.shape
  LEFT JOIN events e ON e.aggregate_id = wanted.id AND e.version > coalesce(s.version, 0)
  LEFT JOIN subject_keys k USING (subject_id)
 ORDER BY wanted.id, e.version
"""
_AGGREGATES = """
SELECT aggregate_id, position FROM events e
 WHERE position > %s AND random() < %s AND NOT EXISTS (
       SELECT FROM events earlier WHERE earlier.aggregate_id = e.aggregate_id AND earlier.version = e.version - 1)
 ORDER BY position LIMIT 1000
"""
_RECEIPTS = f"SELECT {RECEIPT_COLUMNS} FROM command_receipts WHERE command_id = ANY(%s)"
