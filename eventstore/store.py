"""Append to the log, read one aggregate, read the whole log after a position.

The only SQL on the log's tables is here and in `eventstore.writing`, but for whole rows copied out and in
(`eventstore.histories.staging`).

Two things make the feed of the whole log trustworthy although no lock serialises the writers. A writer announces,
before it takes any position, how far the sequence had come; and a reader reads no further than the lowest
announcement still held (`horizon`). docs/the-log.md tells the whole story.
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
from eventstore.records import (
    RECEIPT_COLUMNS,
    Damaged,
    History,
    Page,
    Receipt,
    Recorded,
    Write,
    decoded,
    event_rows,
    receipt_of,
    recorded,
)
from eventstore.sharding import IN_SHARD, WHOLE, Shard, in_shard
from eventstore.sql import cursor as _cursor  # each function has a `cursor` of its own
from eventstore.sql import fetched

__all__ = ["Damaged", "History", "Page", "Receipt", "Recorded", "Write"]  # what these functions take and give

COPY_FROM = 64  # rows from which COPY is faster than one multi-VALUES statement


def append(writes: Sequence[Write]) -> int:
    """Append all of `writes`, or none, with their receipts; returns the last position taken (0 if there was no event).

    Positions follow the order given. Outside a transaction it is one of its own. Inside one, keep it the last thing
    that transaction does: until it ends, no reader sees further.

    Raises ConcurrencyError when an aggregate is not at its expected version or a receipt's command was done already,
    SubjectWasErased when an event holds personal data of somebody who was erased.
    """
    rows = event_rows(writes)
    receipts = [write.receipt for write in writes if write.receipt]
    put = writing.insert_one if len(writes) == 1 and rows else writing.insert
    if len(rows) + len(receipts) > COPY_FROM:
        put = writing.copy
    try:
        if put is not writing.copy and not connection.in_atomic_block:
            return put(rows, receipts)  # one statement is a transaction by itself
        with transaction.atomic():  # within another, a savepoint: it lets the caller go on after a refusal
            return put(rows, receipts)
    except (IntegrityError, OperationalError) as error:
        if isinstance(error.__cause__, pg.UniqueViolation | pg.DeadlockDetected):
            first = writes[0] if len(writes) == 1 else None
            raise ConcurrencyError(
                (first and first.aggregate_id) or None, (first and first.expected_version) or None
            ) from error
        raise


def history(aggregate_id: UUID, *, shape: str, personal: bool = True) -> History:
    """Everything a decision needs, in one round trip; without `personal`, what is encrypted stays so.

    A snapshot of another shape than `shape` is ignored. Raises VersionGap, and what decoding an event raises.
    """
    rows = fetched(_HISTORY if personal else _SEALED_HISTORY, (aggregate_id, shape, aggregate_id))
    past = History(snapshot=rows[0][1], snapshot_version=rows[0][0] or 0)
    for _, _, version, *event in rows:
        if version is not None:
            past.take(aggregate_id, version, decoded(event) if personal else codec.decode(*event))
    return past


def histories(shapes: Mapping[UUID, str]) -> dict[UUID, History]:
    """The pasts of many aggregates, each with the shape a snapshot of it has to have. Raises as `history` does."""
    found: dict[UUID, History] = {}
    with _cursor() as cursor:
        cursor.execute(_HISTORIES, (list(shapes), list(shapes.values())))
        for aggregate_id, snapshot_version, snapshot, version, *event in cursor:
            past = found.setdefault(aggregate_id, History(snapshot=snapshot, snapshot_version=snapshot_version or 0))
            if version is not None:
                past.take(aggregate_id, version, decoded(event))
    return found


def receipts(command_ids: Iterable[UUID]) -> dict[UUID, Receipt]:
    """The receipts of those commands that were done."""
    with _cursor() as cursor:
        cursor.execute(_RECEIPTS, (list(command_ids),))
        return {row[0]: receipt_of(row) for row in cursor}


def read_stream(aggregate_id: UUID, *, after_version: int = 0, tolerant: bool = False) -> list[Recorded[Any]]:
    """One aggregate's events as they stand in the log, oldest first; with `tolerant`, damaged ones as `Damaged`."""
    with _cursor() as cursor:
        cursor.execute(_STREAM, (aggregate_id, after_version), prepare=True)
        return [recorded(row, tolerant=tolerant) for row in cursor]


def read_streams(aggregate_ids: Iterable[UUID], *, tolerant: bool = False) -> dict[UUID, list[Recorded[Any]]]:
    """What `read_stream` reads, of many at once; an aggregate without events is left out."""
    found: dict[UUID, list[Recorded[Any]]] = {}
    with _cursor() as cursor:
        cursor.execute(_STREAMS, (list(aggregate_ids),))
        for row in cursor:
            fact = recorded(row, tolerant=tolerant)
            found.setdefault(fact.aggregate_id, []).append(fact)
    return found


def read_at(positions: Sequence[int]) -> list[Recorded[Any]]:
    """The events at these positions, in order; damaged ones as `Damaged`."""
    with _cursor() as cursor:
        cursor.execute(_AT, (list(positions),))
        return [recorded(row, tolerant=True) for row in cursor]


def first_of(aggregate_ids: Iterable[UUID]) -> dict[UUID, Recorded[Any]]:
    """The first event of each of these aggregates, which says what it is; a damaged one as `Damaged`."""
    with _cursor() as cursor:
        cursor.execute(_FIRST, (list(aggregate_ids),))
        facts = [recorded(row, tolerant=True) for row in cursor]
    return {fact.aggregate_id: fact for fact in facts}


def has_before(position: int, event_types: Sequence[str]) -> bool:
    """Whether an event of these types stands at or before `position`."""
    with _cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM events WHERE position <= %s AND event_type = ANY(%s))",
            (position, list(event_types)),
        )
        return bool((cursor.fetchone() or (False,))[0])


def aggregates(*, share: float = 1.0) -> Iterator[tuple[UUID, int]]:
    """Aggregates and the position of their first event, in that order: all of them, or a random share.

    One that lacks an earlier event comes again where it goes on.
    """
    position, end = 0, latest_position()
    while position < end:
        with _cursor() as cursor:
            cursor.execute(_AGGREGATES, (position, share))
            found = cursor.fetchall()
        if not found:
            return
        yield from found
        position = found[-1][1]


def read_after(
    position: int,
    *,
    limit: int,
    through: int | None = None,
    event_types: Sequence[str] | None = None,
    shard: Shard = WHOLE,
    ends: tuple[int, int] | None = None,
) -> Page:
    """The next events of the whole log, or of one shard of it, after `position`, nothing skipped and each aggregate in
    order.

    Reads up to the horizon only: everything at or below it is settled, committed and visible or gone for ever.
    `through` stops it earlier. An event that is damaged comes as `Damaged`. `ends` are horizon and latest of `ENDS`,
    where the caller's last statement asked for them.
    """
    horizon, latest = ends or _ends()
    with _cursor() as cursor, gc_paused():
        # A second statement on purpose: its snapshot has to be younger than the horizon.
        end = horizon if through is None else min(horizon, through)
        values = (position, end, event_types, event_types, *in_shard(shard), limit)
        # Django's own, which wants a time zone that may change, is written in Python and five times as slow.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(_FEED, values, prepare=True)
        events = [recorded(row, tolerant=True) for row in cursor.fetchall()]
    through = events[-1].position if len(events) == limit else max(end, position)
    return Page(events=events, through=through, settled=horizon == latest)


def unread(
    position: int, *, event_types: Sequence[str], shard: Shard = WHOLE, count_to: int = 10_000
) -> tuple[int, datetime | None]:
    """How many events of these types stand after `position`, settled or not, and when the first of them was recorded.

    Counts no further than `count_to`.
    """
    with _cursor() as cursor:
        cursor.execute(_UNREAD, (position, list(event_types), *in_shard(shard), count_to))
        count, since = cursor.fetchone() or (0, None)
    return count, since


def some_aggregates(count: int) -> set[UUID]:
    """At most `count` aggregates of the log, picked at random by their events: those with many come more often."""
    latest = latest_position()
    picked = [randint(1, max(latest, 1)) for _ in range(count)]  # noqa: S311 - a sample, not a secret
    with _cursor() as cursor:
        cursor.execute(_SOME, (picked,))
        return {row[0] for row in cursor}


def is_empty() -> bool:
    """Whether nothing was ever recorded."""
    with _cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM events)")
        return not (cursor.fetchone() or (False,))[0]


def latest_position() -> int:
    """The highest position that was ever taken; what a reader that is level has seen."""
    return _ends()[1]


def horizon() -> int:
    """The highest position up to which everything is settled."""
    return _ends()[0]


def _ends() -> tuple[int, int]:
    with _cursor() as cursor:
        cursor.execute(f"SELECT horizon, latest FROM {ENDS}", prepare=True)
        return cursor.fetchone() or (0, 0)


ENDS = "events_horizon()"
"""In SQL: up to where everything is settled (`horizon`), and the highest position taken (`latest`)."""

# --- SQL --------------------------------------------------------------------------------------------------------------

# What decoding takes: the event, and the key of whoever's data it holds.
_DECODED = "e.event_type, e.schema_version, e.event_data, e.event_id, e.subject_id, k.wrapped_key, k.master"
_LOG = "events e LEFT JOIN subject_keys k USING (subject_id)"
_FACT = f"e.position, e.aggregate_id, e.aggregate_type, e.version, e.timestamp, e.metadata, {_DECODED}"
_RECORDED = f"""
SELECT {_FACT} FROM {_LOG}
"""
_STREAM = _RECORDED + "WHERE e.aggregate_id = %s AND e.version > %s ORDER BY e.version"
_STREAMS = _RECORDED + "WHERE e.aggregate_id = ANY(%s) ORDER BY e.aggregate_id, e.version"
_FIRST = _RECORDED + "WHERE e.aggregate_id = ANY(%s) AND e.version = 1"
_AT = _RECORDED + "WHERE e.position = ANY(%s) ORDER BY e.position"
# The page first, and then its keys: joined as one, PostgreSQL weighs plans for all of the log that is left, and starts
# parallel workers for a page, or sorts the whole rest where it does not know the values yet.
_FEED = f"""
SELECT {_FACT} FROM (
       SELECT * FROM events e
        WHERE e.position > %s AND e.position <= %s AND (%s::text[] IS NULL OR e.event_type = ANY(%s)) AND {IN_SHARD}
        ORDER BY e.position LIMIT %s) e
  LEFT JOIN subject_keys k USING (subject_id)
 ORDER BY e.position
"""
_UNREAD = f"""
SELECT count(*), min(timestamp) FROM (
       SELECT e.timestamp FROM events e
        WHERE e.position > %s AND e.event_type = ANY(%s) AND {IN_SHARD} ORDER BY e.position LIMIT %s) unread
"""
_SOME = """
SELECT DISTINCT found.aggregate_id FROM unnest(%s::bigint[]) picked (position)
 CROSS JOIN LATERAL (SELECT aggregate_id FROM events e WHERE e.position >= picked.position
                      ORDER BY e.position LIMIT 1) found
"""
_PAST = """
SELECT s.version, s.state, e.version, {decoded}
  FROM (VALUES (1)) one
  LEFT JOIN snapshots s ON s.aggregate_id = %s AND s.shape = %s
  LEFT JOIN events e ON e.aggregate_id = %s AND e.version > coalesce(s.version, 0) {keys}
 ORDER BY e.version
"""
_HISTORY = _PAST.format(decoded=_DECODED, keys="LEFT JOIN subject_keys k USING (subject_id)")
_SEALED_HISTORY = _PAST.format(decoded="e.event_type, e.schema_version, e.event_data", keys="")
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
