"""The wake-ups of projections: which tasks to wake when events are appended.

One wake-up covers all undivided projections: the task that catches them up together. A projection that needs more than
that has a wake-up of its own, and so has each shard of a divided projection. Wake-ups carry names and numbers only. At
most one of each waits in the broker, however fast commits come.
"""

from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID

from cachetools.func import ttl_cache
from celery import current_app
from django.db.models import Count

from eventstore.sharding import shard_of
from eventstore.wakeups.wakeup import Wakeup
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import PROJECTIONS

SHARD_COUNTS_SECONDS = 5.0  # how long a process remembers the number of shards of each projection


def wakeups_for(aggregate_ids: Collection[UUID] | None = None) -> list[Wakeup]:
    """Return the wake-ups to send when these aggregates have new events; None means that any aggregate may have."""
    wakeups, counts = [joint_wakeup()], shard_counts()
    for projection in PROJECTIONS.values():
        count = counts.get(projection.name, 0)
        if count != 1:
            count = count or projection.shards
            numbers = range(count) if aggregate_ids is None else sorted({shard_of(key, count) for key in aggregate_ids})
            wakeups += [shard_wakeup(projection.name, number, count) for number in numbers]
    return wakeups


def joint_wakeup() -> Wakeup:
    """Return the wake-up of the task that catches up all undivided projections together."""
    return Wakeup("views", task_named("projections.tasks.look"))


def shard_wakeup(name: str, number: int, shard_count: int) -> Wakeup:
    """Return the wake-up of the task that catches up one shard of the projection `name`."""
    return Wakeup(f"projection:{name}/{number}", task_named("projections.tasks.project"), (name, number, shard_count))


@cache
def task_named(name: str) -> Any:
    """Return a Celery task by its wire name. `projections.tasks` imports the engine, so the engine cannot import it."""
    return current_app.tasks[name]


@ttl_cache(maxsize=1, ttl=SHARD_COUNTS_SECONDS)
def shard_counts() -> dict[str, int]:
    """Return the number of shards of each projection that ever ran, at most SHARD_COUNTS_SECONDS old.

    An old number does no harm: a wake-up for a shard that is gone wakes all shards of its projection.
    """
    live = Checkpoint.objects.filter(space=LIVE).order_by().values("projection")
    return dict(live.annotate(number=Count("pk")).values_list("projection", "number"))


def forget_shard_counts() -> None:
    """Make the next call of `shard_counts` query the database."""
    shard_counts.cache_clear()
