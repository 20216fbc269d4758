"""Gaps: events that the log holds and a read model has passed by, whatever the cause.

Each shard counts what it takes (`engine.taken`), and the log's own counts are stored by range
(`eventstore.storage.ranges`). Comparing them finds a checkpoint that was moved by hand, a feed that skipped events, and
a log that was restored from an older copy than the read models. A difference is stored as a drift flag with `missing`.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from eventstore import store
from eventstore.storage.ranges import SIZE, start_of
from projections.engine.checkpoints import LIVE, Checkpoint, DriftFlag
from projections.engine.projection import PROJECTIONS, Projection
from projections.monitoring.drift import read_only_snapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A range of positions, in which a projection took other events than the log holds for it."""

    after: int
    through: int
    taken: int
    logged: int
    shared: bool = False

    @property
    def where(self) -> str:
        """The range, as operators read it."""
        return f"events {self.after + 1:,} to {self.through:,}{' that every shard takes' if self.shared else ''}"

    @property
    def words(self) -> str:
        """What is wrong."""
        return f"took {self.taken:,}, and the log has {self.logged:,}"


def look() -> dict[str, list[Gap]]:
    """Compare every projection with the log; store the gaps as drift flags, delete the others, and return them."""
    return {name: _store(projection, gaps_of(projection)) for name, projection in PROJECTIONS.items()}


def gaps_of(projection: Projection) -> list[Gap]:
    """Return the gaps of a projection, in log order."""
    with read_only_snapshot():
        live = list(Checkpoint.objects.filter(projection=projection.name, space=LIVE))
        if not live:
            return []
        counted_from = max(each.counted_from for each in live)
        positions = {each.position for each in live}
        furthest = max(positions)
        found = [*_in_ranges(projection, counted_from, min(positions), len(live))]
        if start_of(furthest) >= counted_from and len(positions) == 1:
            found += _in_last_range(projection, furthest)
    latest = store.latest_position()  # after the snapshot, so that it is not the older of the two
    if furthest > latest:  # the next events would get positions that the checkpoint is past already
        found.append(Gap(after=latest, through=furthest, taken=furthest - latest, logged=0))
    return found


def _in_ranges(projection: Projection, counted_from: int, position: int, shard_count: int) -> Iterator[Gap]:
    """Compare the ranges that all shards have read and that were counted."""
    values: dict[str, Any] = {
        "size": SIZE,
        "counted_from": counted_from,
        "position": position,
        "projection": projection.name,
        "types": projection.event_types,
        "shared_types": list(projection.types_in_every_shard),
        "shards": shard_count,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, values)
        for number, taken, logged, taken_shared, logged_shared in cursor.fetchall():
            ends = {"after": number * SIZE, "through": (number + 1) * SIZE}
            if taken != logged:
                yield Gap(**ends, taken=taken, logged=logged)
            elif taken_shared is not None and taken_shared != logged_shared:
                yield Gap(**ends, taken=taken_shared, logged=logged_shared, shared=True)


def _in_last_range(projection: Projection, position: int) -> Iterator[Gap]:
    """Compare the range in which the checkpoint stands, up to the checkpoint."""
    after = start_of(position)
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE_LAST, [projection.name, after // SIZE, after, position, projection.event_types])
        taken, logged = cursor.fetchone()
    if taken != logged:
        yield Gap(after=after, through=position, taken=taken, logged=logged)


def _store(projection: Projection, found: list[Gap]) -> list[Gap]:
    """Store these gaps as the projection's only ones; return them."""
    flags = DriftFlag.objects.filter(projection=projection.name, missing__isnull=False)
    with transaction.atomic():
        flags.exclude(where__in=[gap.where for gap in found]).delete()
        for gap in found:
            log.error("gap: %s: %s: %s", projection.name, gap.where, gap.words)
            DriftFlag.objects.update_or_create(
                projection=projection.name,
                where=gap.where,
                defaults={"words": gap.words, "missing": gap.logged - gap.taken},
            )
    return found


_COMPARE = """
SELECT l.number, coalesce(t.events, 0), l.events, t.shared, l.shared
  FROM (SELECT r.number, coalesce(sum(c.value::bigint) FILTER (WHERE c.key = ANY(%(types)s)), 0) AS events,
               coalesce(sum(c.value::bigint) FILTER (WHERE c.key = ANY(%(shared_types)s)), 0) AS shared
          FROM log_ranges r LEFT JOIN jsonb_each_text(r.counts) c ON true
         WHERE r.number * %(size)s >= %(counted_from)s AND (r.number + 1) * %(size)s <= %(position)s
         GROUP BY r.number) l
  LEFT JOIN (SELECT number, sum(events) AS events,
                    CASE WHEN bool_and(shared IS NOT NULL)
                         THEN CASE WHEN count(*) < %(shards)s THEN 0 ELSE min(shared) END END AS shared
               FROM projections_takenrange WHERE projection = %(projection)s AND space = '' GROUP BY number) t
    ON t.number = l.number
 WHERE coalesce(t.events, 0) <> l.events OR coalesce(t.shared, l.shared) <> l.shared
 ORDER BY l.number
"""
_COMPARE_LAST = """
SELECT (SELECT coalesce(sum(events), 0) FROM projections_takenrange
         WHERE projection = %s AND space = '' AND number = %s),
       (SELECT count(*) FROM events WHERE position > %s AND position <= %s AND event_type = ANY(%s))
"""
