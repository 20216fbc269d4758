"""Change the number of shards of a live projection."""

from django.db import transaction

from eventstore.sharding import shard_of
from projections.engine import taken
from projections.engine.catch_up import (
    CatchUpOptions,
    catch_up_shard,
    lock_checkpoints,
    shard_numbers,
    write_checkpoints,
)
from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.engine.projection import Projection

MAX_SHARDS = 64  # each shard reads the log itself: with more, reading costs more than they gain


class NotDivisible(ValueError):
    """The projection cannot be divided this way. The message says why and what to do."""


def divide(projection: Projection, shard_count: int) -> None:
    """Divide the projection into `shard_count` shards, each with its own checkpoint, while workers go on.

    All shards are brought to one position first, so that no event is taken twice or skipped. Raises NotDivisible.
    """
    require_divisible(projection, shard_count)
    _align(projection)  # most of the way before anything is locked
    with transaction.atomic():
        lock_checkpoints(projection)
        _require_no_shared_event_parked(projection)
        position = _align(projection)
        first = Checkpoint.objects.filter(projection=projection.name, space=LIVE).earliest("shard")
        retained = {
            "position": position,
            "event_types": first.event_types,
            "code_version": first.code_version,
            "rebuild_wanted": first.rebuild_wanted,
            "level_at": first.level_at,
            "counted_from": max(each.counted_from for each in lock_checkpoints(projection)),
        }
        taken.regroup(projection.name)
        Checkpoint.objects.filter(projection=projection.name, space=LIVE).delete()
        write_checkpoints(projection, shard_count, **retained)
        parked = list(ParkedEvent.objects.filter(projection=projection.name, space=LIVE))
        for event in parked:
            event.shard = shard_of(event.aggregate_id, shard_count)
        ParkedEvent.objects.bulk_update(parked, ["shard"])


def require_divisible(projection: Projection, shard_count: int) -> None:
    """Raise NotDivisible if the projection cannot have `shard_count` shards."""
    if not 1 <= shard_count <= MAX_SHARDS:
        raise NotDivisible(f"a projection has from 1 to {MAX_SHARDS} shards, not {shard_count}")
    if projection.total_order and shard_count > 1:
        raise NotDivisible(f"{projection.name} needs the events in the total order of the log: it always has one shard")


def _align(projection: Projection) -> int:
    """Catch up every shard to the position of the furthest one, and return that position."""
    numbers = shard_numbers(projection)
    furthest = max(Checkpoint.objects.filter(projection=projection.name, space=LIVE).values_list("position", flat=True))
    for number in numbers:
        catch_up_shard(projection, number, CatchUpOptions(through=furthest))
    return furthest


def _require_no_shared_event_parked(projection: Projection) -> None:
    parked = ParkedEvent.objects.filter(
        projection=projection.name, space=LIVE, event_type__in=projection.types_in_every_shard
    )
    if parked.exists():
        raise NotDivisible(
            f"an event that every shard of {projection.name} takes is parked: retry or skip it, then change the shards"
        )
