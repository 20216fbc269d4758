"""Bring many views level with one look at the log and one transaction.

With little to read, what costs is not the events but the ways to the database and back, the commit, and the messages:
so one task reads for all. Only what is plain is taken here. A view that is divided, is building, is kept by other code,
has events parked or left out, is held or worked on by somebody else, is left to `engine.catch_up`, which knows what to
do; and all of them are where anything goes wrong, so that one view's trouble is found and does not become the others'.
"""

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction

from eventstore import store
from eventstore.sharding import WHOLE
from eventstore.sql import cursor as _cursor
from eventstore.store import Damaged, Page, Recorded
from projections.engine.catch_up import count_events, log_batch
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import Projection
from projections.engine.unit_of_work import UnitOfWork
from projections.reading import notify
from projections.rebuild.retained_tables import erase_in_retained

log = logging.getLogger(__name__)

PAGE = 500  # events: more are folded faster by each view in a process of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What came of it.

    `events` of the log were read, up to the position `through`; not `level` where there are more, not `settled` where
    writers hold back a part. `busy` are the views that somebody else is at work on, `special` those that are not plain.
    """

    events: int = 0
    through: int = 0
    level: bool = True
    settled: bool = True
    busy: Sequence[Projection] = ()
    special: Sequence[Projection] = ()


@dataclass(slots=True)
class _Mark:
    """A checkpoint that is held, and what its view takes."""

    projection: Projection
    checkpoint: Checkpoint
    facts: list[Recorded[Any]] = field(default_factory=list)


class _NotPlain(Exception):
    """Something has to be parked, or was a moment ago."""


def advance(projections: Collection[Projection]) -> Round:
    """One page of the log, taken by all of these that are plain. Whatever goes wrong, nothing of it was written."""
    try:
        with transaction.atomic():
            marks, ends = _hold(projections)
            others = [projection for projection in projections if projection.name not in marks]
            busy = _busy(others) if others else set()
            page = _page(marks, ends) if marks else Page(events=[], through=0, settled=True)
            for mark in marks.values():
                _take(mark, page)
            _tell([mark for mark in marks.values() if mark.facts])
            _save([mark.checkpoint for mark in marks.values()], page.through)
    except Exception:  # whoever takes them one by one finds which it is, and parks it
        log.warning("the views cannot be brought level together; each is tried by itself", exc_info=True)
        return Round(special=list(projections))
    return Round(
        events=len(page.events),
        through=page.through,
        level=len(page.events) < PAGE,
        settled=page.settled,
        busy=[projection for projection in others if projection.name in busy],
        special=[projection for projection in others if projection.name not in busy],
    )


def _hold(projections: Collection[Projection]) -> tuple[dict[str, _Mark], tuple[int, int]]:
    """The checkpoints of what is plain and free, locked until the transaction ends; and the `ends` for `read_after`."""
    named = {projection.name: projection for projection in projections}
    marks, ends = {}, (0, 0)
    with _cursor() as cursor:
        cursor.execute(_HOLD, ("replica" not in connections, list(named)), prepare=True)
        for name, projection, position, events, rate, since, before, version, types, *found in cursor:
            known, ends = named[projection], (found[0], found[1])
            if version == known.version and json.loads(types) == known.event_types:
                counted = {"events": events, "rate": rate, "rate_since": since, "rate_events": before}
                marks[projection] = _Mark(known, Checkpoint(name=name, position=position, **counted))
    return marks, ends


def _busy(projections: Collection[Projection]) -> set[str]:
    """At which of these somebody is at work."""
    marks = Checkpoint.objects.filter(space=LIVE, projection__in=[each.name for each in projections])
    free = marks.select_for_update(skip_locked=True)
    return set(marks.values_list("projection", flat=True)) - set(free.values_list("projection", flat=True))


def _page(marks: dict[str, _Mark], ends: tuple[int, int]) -> Page:
    """What any of them takes, from where the last of them stands. Raises _NotPlain."""
    types = sorted({name for mark in marks.values() for name in mark.projection.event_types})
    last = min(mark.checkpoint.position for mark in marks.values())
    page = store.read_after(last, limit=PAGE, event_types=types, ends=ends)
    if any(isinstance(fact.event, Damaged) for fact in page.events):
        raise _NotPlain("an event cannot be decoded")
    return page


def _take(mark: _Mark, page: Page) -> None:
    projection, position = mark.projection, mark.checkpoint.position
    mark.facts = [fact for fact in page.events if fact.position > position and type(fact.event) in projection.handlers]
    if mark.facts:
        new = [fact.aggregate_id for fact in mark.facts if fact.version == 1]
        rows = UnitOfWork(projection, (fact.aggregate_id for fact in mark.facts), new=new)
        for fact in mark.facts:
            projection.handle(rows, fact)
        rows.write()
        erase_in_retained(projection, WHOLE, mark.facts)
        count_events(mark.checkpoint, len(mark.facts))


def _tell(marks: Sequence[_Mark]) -> None:
    notify.announce_all([(mark.projection, {fact.aggregate_id: fact.version for fact in mark.facts}) for mark in marks])
    for mark in marks:  # once all who wait were told
        log_batch(mark.projection, WHOLE, mark.facts)


def _save(checkpoints: Sequence[Checkpoint], through: int) -> None:
    """Raises _NotPlain where something was parked by whoever let go of a checkpoint just before it was held."""
    moved = [each for each in checkpoints if each.position < through]
    if moved:
        names = ("name", "events", "rate", "rate_events", "rate_since")
        with _cursor() as cursor:
            columns = [[getattr(each, name) for each in moved] for name in names]
            cursor.execute(_SAVE, (through, *columns), prepare=True)
            if cursor.rowcount < len(moved):
                raise _NotPlain("an event was parked")


_PLAIN = """
 NOT EXISTS (SELECT FROM projections_parkedevent p WHERE p.projection = c.projection AND p.space = '')
   AND NOT EXISTS (SELECT FROM projections_skippedevent s WHERE s.projection = c.projection AND s.position > c.position)
"""
# Nobody waits for the disk: rows and checkpoint are lost together, if at all, and made again from the log, which is
# not. A replica would be given them later, so it is not done where there are some.
_HOLD = f"""
SELECT c.name, c.projection, c.position, c.events, c.rate, c.rate_since, c.rate_events,
       c.code_version, c.event_types::text, ends.horizon, ends.latest,
       CASE WHEN %s THEN set_config('synchronous_commit', 'off', true) END
  FROM projections_checkpoint c, {store.ENDS} ends
 WHERE c.projection = ANY(%s) AND c.space = '' AND c.of = 1 AND c.level_at IS NOT NULL AND c.last_error = ''
   AND (c.held_until IS NULL OR c.held_until < clock_timestamp()) AND {_PLAIN}
 ORDER BY c.name FOR UPDATE OF c SKIP LOCKED
"""
# Asks again whether it is plain: the snapshot of _HOLD may be older than the lock.
_SAVE = f"""
UPDATE projections_checkpoint c
   SET position = %s, updated_at = clock_timestamp(),
       events = new.events, rate = new.rate, rate_events = new.rate_events, rate_since = new.rate_since
  FROM unnest(%s::text[], %s::bigint[], %s::float8[], %s::bigint[], %s::timestamptz[])
       new (name, events, rate, rate_events, rate_since)
 WHERE c.name = new.name AND {_PLAIN}
"""
