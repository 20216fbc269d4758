"""Divide a live projection into another number of shards."""

from django.db import transaction

from eventstore.sharding import shard_of
from projections.engine.catch_up import (
    CatchUpOptions,
    catch_up_shard,
    lock_checkpoints,
    shard_numbers,
    write_checkpoints,
)
from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.engine.projection import Projection

MOST = 64  # more than this cost more in feeds read than they bring


class NotDivisible(ValueError):
    """The projection cannot be divided so. The message says why and what can be done."""


def divide(projection: Projection, of: int) -> None:
    """From now on `of` shards, each with a checkpoint of its own; workers go on throughout. Raises NotDivisible.

    The shards are brought to one position first, so nothing is taken twice or passed over.
    """
    require_divisible(projection, of)
    _align(projection)  # most of the way without holding anybody up
    with transaction.atomic():
        lock_checkpoints(projection)
        _require_nothing_everywhere(projection)
        position = _align(projection)
        first = Checkpoint.objects.filter(projection=projection.name, space=LIVE).earliest("shard")
        kept = {
            "position": position,
            "event_types": first.event_types,
            "code_version": first.code_version,
            "rebuild_wanted": first.rebuild_wanted,
            "level_at": first.level_at,
        }
        Checkpoint.objects.filter(projection=projection.name, space=LIVE).delete()
        write_checkpoints(projection, of, **kept)
        parked = list(ParkedEvent.objects.filter(projection=projection.name, space=LIVE))
        for event in parked:
            event.shard = shard_of(event.aggregate_id, of)
        ParkedEvent.objects.bulk_update(parked, ["shard"])


def require_divisible(projection: Projection, of: int) -> None:
    """Raises NotDivisible."""
    if not 1 <= of <= MOST:
        raise NotDivisible(f"a projection has from 1 to {MOST} shards, not {of}")
    if projection.total_order and of > 1:
        raise NotDivisible(f"{projection.name} needs the total order of the log: it has one shard")


def _align(projection: Projection) -> int:
    """Every shard where the furthest one is; returns that position."""
    numbers = shard_numbers(projection)
    furthest = max(Checkpoint.objects.filter(projection=projection.name, space=LIVE).values_list("position", flat=True))
    for number in numbers:
        catch_up_shard(projection, number, CatchUpOptions(through=furthest))
    return furthest


def _require_nothing_everywhere(projection: Projection) -> None:
    parked = ParkedEvent.objects.filter(
        projection=projection.name, space=LIVE, event_type__in=projection.types_in_every_shard
    )
    if parked.exists():
        raise NotDivisible(
            f"an event that every shard of {projection.name} takes is parked: retry or skip it before dividing anew"
        )
