"""The wake-ups of projections: which tasks to wake when events are appended.

One wake-up covers all undivided projections: the task that catches them up together. A projection that needs more than
that has a wake-up of its own, and so has each shard of a divided projection. Wake-ups carry names and numbers only. At
most one of each waits in the broker, however fast commits come.
"""

import time
from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID

from celery import current_app
from django.db.models import Count

from eventstore.sharding import shard_of
from eventstore.wakeups.wakeup import Wakeup
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import PROJECTIONS

SHARD_COUNTS_SECONDS = 5.0  # how long a process remembers the number of shards of each projection

_shard_counts: tuple[float, dict[str, int]] = (0.0, {})


def wakeups_for(aggregate_ids: Collection[UUID] | None = None) -> list[Wakeup]:
    """Return the wake-ups to send when these aggregates have new events; None means that any aggregate may have."""
    wakeups = [joint_wakeup()]
    for projection in PROJECTIONS.values():
        count = shard_counts().get(projection.name, 0)
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


def shard_counts() -> dict[str, int]:
    """Return the number of shards of each projection that ever ran, at most SHARD_COUNTS_SECONDS old.

    An old number does no harm: a wake-up for a shard that is gone wakes all shards of its projection.
    """
    global _shard_counts  # noqa: PLW0603 - remembered by the process
    read_at, counts = _shard_counts
    if time.monotonic() - read_at > SHARD_COUNTS_SECONDS:
        live = Checkpoint.objects.filter(space=LIVE).order_by().values("projection")
        counts = dict(live.annotate(number=Count("pk")).values_list("projection", "number"))
        _shard_counts = time.monotonic(), counts
    return counts


def forget_shard_counts() -> None:
    """Make the next call of `shard_counts` query the database."""
    global _shard_counts  # noqa: PLW0603 - the same
    _shard_counts = 0.0, {}
