"""Count the events that each shard takes, by range of the log, in the transaction that takes them.

`projections.monitoring.gaps` compares the counts with the log. Without them, an event that was never read would show
nowhere: the checkpoint is past it, and nothing is parked.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from eventstore.records import type_name
from eventstore.sharding import WHOLE, Shard
from eventstore.storage.ranges import number_of
from eventstore.store import Recorded
from projections.engine.checkpoints import LIVE, TakenRange
from projections.engine.projection import Projection


class Taken(NamedTuple):
    """How many events of a range a shard took: of its own aggregates, and of those that every shard takes."""

    projection: str
    space: str
    shard: int
    number: int
    events: int
    shared: int


def counts(
    projection: Projection, facts: Sequence[Recorded[Any]], *, space: str = LIVE, shard: Shard = WHOLE
) -> list[Taken]:
    """Return the counts of these facts, which the shard takes, by range."""
    shared_types = projection.types_in_every_shard
    own: Counter[int] = Counter()
    shared: Counter[int] = Counter()
    for fact in facts:
        number = number_of(fact.position)
        own[number] += shard.shard_count == 1 or shard.holds(fact.aggregate_id)
        shared[number] += type_name(fact.event) in shared_types
    return [Taken(projection.name, space, shard.number, each, own[each], shared[each]) for each in sorted(own)]


def record(taken: Sequence[Taken]) -> None:
    """Add the counts to the stored ones, in the open transaction."""
    if taken:
        with connection.cursor() as cursor:
            cursor.execute(RECORD, columns(taken))


def columns(taken: Sequence[Taken]) -> list[list[Any]]:
    """Return the parameters of RECORD."""
    return [[row[column] for row in taken] for column in range(len(Taken._fields))]


def drop(projection: str, space: str) -> None:
    """Delete the counts of a space."""
    TakenRange.objects.filter(projection=projection, space=space).delete()


def move(projection: str, source: str, target: str) -> None:
    """Move the counts from one space to another that has none, as its tables move."""
    TakenRange.objects.filter(projection=projection, space=source).update(space=target)


def regroup(projection: str, space: str = LIVE) -> None:
    """Sum up the counts of all shards, because the number of shards changes. All have read up to the same position."""
    with connection.cursor() as cursor:
        cursor.execute(_REGROUP, [projection, space])


RECORD = """
INSERT INTO projections_takenrange AS stored (projection, space, shard, number, events, shared)
SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[])
    ON CONFLICT (projection, space, shard, number)
    DO UPDATE SET events = stored.events + excluded.events, shared = stored.shared + excluded.shared
"""
_REGROUP = """
WITH shards AS (DELETE FROM projections_takenrange WHERE projection = %s AND space = %s RETURNING *)
INSERT INTO projections_takenrange (projection, space, shard, number, events, shared)
SELECT projection, space, 0, number, sum(events), NULL FROM shards GROUP BY projection, space, number
"""
