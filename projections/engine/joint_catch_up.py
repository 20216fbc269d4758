"""Catch up many projections with one look at the log and one transaction.

Fast path: hand-written SQL for all checkpoints at once, instead of one transaction for each projection. With few new
events, the cost is not the events but the round trips, the commit and the messages. Measured in
docs/decisions/36-joint-catch-up.md.

Only plain projections are taken here. A projection is left to `engine.catch_up` if it is divided, is being built, was
written by other code, has events parked or left out, is held still, or is locked by another worker. If anything goes
wrong, all projections are left to it, so that the error of one is found and does not stop the others.
"""

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction

from eventstore import store
from eventstore.gc_pause import gc_paused
from eventstore.sharding import WHOLE
from eventstore.sql import cursor as _cursor
from eventstore.store import Damaged, Page, Recorded
from projections.engine import taken
from projections.engine.catch_up import count_events, log_batch
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import Projection
from projections.engine.shared_folds import forget_folds
from projections.engine.unit_of_work import UnitOfWork
from projections.reading import notify
from projections.rebuild.retained_tables import erase_in_retained

log = logging.getLogger(__name__)

PAGE = 500  # most events in one round, so that who waits for the first of them does not wait for many others
LARGE_PAGE = 2_500  # the same far behind, where nobody waits for a single event; more would only take memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The result of one round.

    `events` events of the log were read, up to the position `through`. `caught_up` is false if there are more, and
    `settled` is false if open transactions hold back a part of the log. `busy` lists the projections that another
    worker has locked, `special` those that are not plain.
    """

    events: int = 0
    through: int = 0
    caught_up: bool = True
    settled: bool = True
    busy: Sequence[Projection] = ()
    special: Sequence[Projection] = ()


@dataclass(slots=True)
class _Locked:
    """A projection with its locked checkpoint, the facts of the page that it takes, and the rows that they change."""

    projection: Projection
    checkpoint: Checkpoint
    facts: list[Recorded[Any]] = field(default_factory=list)
    rows: UnitOfWork | None = None


class _NotPlain(Exception):
    """An event has to be parked, or was parked a moment ago."""


def advance(projections: Collection[Projection], *, limit: int | None = None) -> Round:
    """Read one page of at most `limit` events, PAGE by default, and fold it for each projection that is plain.

    If anything goes wrong, nothing is written, and the result lists all projections as `special`.
    """
    limit = limit or PAGE
    try:
        with transaction.atomic():
            locked, ends = _lock(projections)
            others = [projection for projection in projections if projection.name not in locked]
            busy = _busy(others) if others else set()
            page = _page(locked, ends, limit) if locked else Page(events=[], through=0, settled=True)
            with gc_paused():
                _take(locked.values(), page)
            _announce([each for each in locked.values() if each.facts])
            _save(list(locked.values()), page.through)
    except Exception:  # `engine.catch_up` then finds the failing event and parks it
        log.warning("the joint catch-up failed; each projection is tried by itself", exc_info=True)
        return Round(special=list(projections))
    return Round(
        events=len(page.events),
        through=page.through,
        caught_up=len(page.events) < limit,
        settled=page.settled,
        busy=[projection for projection in others if projection.name in busy],
        special=[projection for projection in others if projection.name not in busy],
    )


def _lock(projections: Collection[Projection]) -> tuple[dict[str, _Locked], tuple[int, int]]:
    """Lock the checkpoints that are plain and free until the transaction ends.

    Returns them by projection name, and the `ends` of the log for `read_after`.
    """
    by_name = {projection.name: projection for projection in projections}
    locked, ends = {}, (0, 0)
    with _cursor() as cursor:
        cursor.execute(_LOCK, ("replica" not in connections, list(by_name)), prepare=True)
        for key, name, position, events, rate, since, before, version, types, *log_ends in cursor:
            projection, ends = by_name[name], (log_ends[0], log_ends[1])
            if version == projection.version and json.loads(types) == projection.event_types:
                counts = {"events": events, "rate": rate, "rate_since": since, "rate_events": before}
                locked[name] = _Locked(projection, Checkpoint(name=key, position=position, **counts))
    return locked, ends


def _busy(projections: Collection[Projection]) -> set[str]:
    """Return the names of those projections whose checkpoint another worker has locked."""
    checkpoints = Checkpoint.objects.filter(space=LIVE, projection__in=[each.name for each in projections])
    free = checkpoints.select_for_update(skip_locked=True)
    return set(checkpoints.values_list("projection", flat=True)) - set(free.values_list("projection", flat=True))


def _page(locked: dict[str, _Locked], ends: tuple[int, int], limit: int) -> Page:
    """Read the events that any of the projections takes, from the lowest checkpoint on. Raises _NotPlain."""
    types = sorted({name for each in locked.values() for name in each.projection.event_types})
    lowest = min(each.checkpoint.position for each in locked.values())
    page = store.read_after(lowest, limit=limit, event_types=types, ends=ends)
    if any(isinstance(fact.event, Damaged) for fact in page.events):
        raise _NotPlain("an event cannot be decoded")
    return page


def _take(locked: Collection[_Locked], page: Page) -> None:
    """Fold the facts of the page that each projection handles and has not read yet, and write the rows.

    One fact after the other, each for all projections: so they share what is computed of an aggregate.
    """
    for each in locked:
        handled, read_to = each.projection.handlers, each.checkpoint.position
        each.facts = [fact for fact in page.events if fact.position > read_to and type(fact.event) in handled]
        new = [fact.aggregate_id for fact in each.facts if fact.version == 1]
        each.rows = UnitOfWork(each.projection, (fact.aggregate_id for fact in each.facts), new=new)
    for fact in page.events:
        for each in locked:
            if fact.position > each.checkpoint.position and type(fact.event) in each.projection.handlers:
                assert each.rows
                each.projection.handle(each.rows, fact)
    forget_folds()
    for each in locked:
        if each.facts and each.rows:
            each.rows.write()
            erase_in_retained(each.projection, WHOLE, each.facts)
            count_events(each.checkpoint, len(each.facts))


def _announce(changed: Sequence[_Locked]) -> None:
    """Notify readers and write the log lines, once the transaction is committed."""
    versions = [(each.projection, {fact.aggregate_id: fact.version for fact in each.facts}) for each in changed]
    notify.announce_all(versions)
    for each in changed:  # after the readers, who are waiting
        log_batch(each.projection, WHOLE, each.facts)


def _save(locked: Sequence[_Locked], through: int) -> None:
    """Move the checkpoints to `through`, and count what was taken. Raises _NotPlain if one is not plain any more.

    The worker that unlocked it a moment before may have parked an event.
    """
    moved = [each.checkpoint for each in locked if each.checkpoint.position < through]
    if moved:
        names = ("name", "events", "rate", "rate_events", "rate_since")
        with _cursor() as cursor:
            columns = [[getattr(each, name) for each in moved] for name in names]
            counted = [count for each in locked for count in taken.counts(each.projection, each.facts)]
            cursor.execute(_SAVE, (*taken.columns(counted), through, *columns), prepare=True)
            if cursor.rowcount < len(moved):
                raise _NotPlain("an event was parked")


_PLAIN = """
 NOT EXISTS (SELECT FROM projections_parkedevent p WHERE p.projection = c.projection AND p.space = '')
   AND NOT EXISTS (SELECT FROM projections_skippedevent s WHERE s.projection = c.projection AND s.position > c.position)
"""
# The commit does not wait for the disk: rows and checkpoint can only be lost together, and are then made again from the
# log, which does wait. With a replica it does wait: a replica gets what was flushed, so its reads would lag.
_LOCK = f"""
SELECT c.name, c.projection, c.position, c.events, c.rate, c.rate_since, c.rate_events,
       c.code_version, c.event_types::text, ends.horizon, ends.latest,
       CASE WHEN %s THEN set_config('synchronous_commit', 'off', true) END
  FROM projections_checkpoint c, {store.ENDS} ends
 WHERE c.projection = ANY(%s) AND c.space = '' AND c.of = 1 AND c.level_at IS NOT NULL AND c.last_error = ''
   AND (c.held_until IS NULL OR c.held_until < clock_timestamp()) AND {_PLAIN}
 ORDER BY c.name FOR UPDATE OF c SKIP LOCKED
"""
# Checks again that the projection is plain: the snapshot of _LOCK may be older than its lock.
_SAVE = f"""
WITH taken AS ({taken.RECORD})
UPDATE projections_checkpoint c
   SET position = %s, updated_at = clock_timestamp(),
       events = new.events, rate = new.rate, rate_events = new.rate_events, rate_since = new.rate_since
  FROM unnest(%s::text[], %s::bigint[], %s::float8[], %s::bigint[], %s::timestamptz[])
       new (name, events, rate, rate_events, rate_since)
 WHERE c.name = new.name AND {_PLAIN}
"""
