"""Catch up one shard for a limited time, as the task of a single shard and the sweep do."""

import logging
import time
from collections.abc import Iterable

from django.db import Error as DatabaseError
from django.db.models import F

from eventstore import store
from eventstore.errors import summary_of
from eventstore.wakeups import wakeup
from projections.engine import catch_up
from projections.engine.catch_up import CatchUpOptions, Progress
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import PROJECTIONS, Projection, projection_named
from projections.engine.wakeups import forget_shard_counts, joint_wakeup, shard_wakeup

log = logging.getLogger(__name__)

HELD_BACK_SECONDS = 2.0  # how long to wait for open transactions that hold back the log
SWEEP_SECONDS = 2.0  # how long one sweep catches up; what is left then gets a task of its own
HELD_BACK_PAUSE_SECONDS = 0.005  # between two looks at a log that is held back
BUSY_SECONDS = 0.2  # after this a worker tries again a shard that another worker had locked
SLICE_SECONDS = 20.0  # after this a task ends, so that the worker can run other tasks
ANNOUNCED_SECONDS = 0.1  # how long the sweep leaves to tasks that were woken a moment ago


def run(name: str, number: int, shard_count: int) -> None:
    """Catch up one of `shard_count` shards, and wake a task again for what is left to do.

    If the projection has another number of shards by now, wake a task for each of them instead.
    """
    wakeup.acknowledge(shard_wakeup(name, number, shard_count))
    projection = projection_named(name)
    numbers = catch_up.shard_numbers(projection)
    if shard_count != len(numbers):  # divided anew since the wake-up was sent
        forget_shard_counts()
        wakeup.wake(*(shard_wakeup(name, each, len(numbers)) for each in numbers))
        return
    progress = _catch_up_for(projection, number, seconds=SLICE_SECONDS)
    if progress.reaches_all_shards:
        wakeup.wake(*(shard_wakeup(name, other, shard_count) for other in numbers if other != number))
    if progress.busy:
        wakeup.wake(shard_wakeup(name, number, shard_count), countdown=BUSY_SECONDS)
    elif not progress.caught_up:
        wakeup.wake(shard_wakeup(name, number, shard_count))


def sweep() -> None:
    """Catch up every shard that is behind, whether or not a message came.

    An error in one projection is logged and does not stop the others. While the joint catch-up task is running, the
    undivided projections are left to it. After SWEEP_SECONDS, tasks are woken for the rest: a worker that swept for
    longer could not do what else is due.
    """
    until = time.monotonic() + SWEEP_SECONDS
    latest = store.latest_position()
    if any(_shards_behind(latest)):
        time.sleep(ANNOUNCED_SECONDS)
    joint_is_running = wakeup.is_running(joint_wakeup())
    for projection, number, shard_count in _shards_behind(latest):
        if shard_count == 1 and joint_is_running:
            continue
        if (left := until - time.monotonic()) <= 0:
            wakeup.wake(shard_wakeup(projection.name, number, shard_count))
            continue
        try:
            progress = _catch_up_for(projection, number, seconds=left)
        except Exception:
            log.exception("the sweep could not catch up %s", projection.name)
        else:
            if not progress.caught_up and not progress.busy:
                wakeup.wake(shard_wakeup(projection.name, number, shard_count))


def _shards_behind(position: int) -> Iterable[tuple[Projection, int, int]]:
    """Yield each shard that has not reached `position`: its projection, its number, and the number of shards."""
    positions = dict(Checkpoint.objects.filter(space=LIVE).values_list("name", "position"))
    for name, projection in PROJECTIONS.items():
        numbers = catch_up.shard_numbers(projection)
        for number in numbers:
            if positions.get(f"{name}/{number}", 0) < position:
                yield projection, number, len(numbers)


def _catch_up_for(projection: Projection, number: int, *, seconds: float) -> Progress:
    """Catch up one shard for at most `seconds`; wait up to HELD_BACK_SECONDS for a log that is held back.

    An error is recorded in the checkpoint, then raised.
    """
    now = time.monotonic()
    options = CatchUpOptions(wait=False, until=now + seconds)
    total = Progress()
    try:
        while True:
            total = total.then(catch_up.catch_up_shard(projection, number, options))
            if total.settled or total.busy or not total.caught_up or time.monotonic() > now + HELD_BACK_SECONDS:
                return total
            # A transaction with an earlier position will commit soon; if it rolls back, it sends no wake-up.
            time.sleep(HELD_BACK_PAUSE_SECONDS)
    except Exception as error:
        _record_failure(projection, number, error)
        raise


def _record_failure(projection: Projection, number: int, error: Exception) -> None:
    """Store why a shard cannot go on, unless the database does not even take that."""
    failing = Checkpoint.objects.filter(projection=projection.name, space=LIVE, shard=number)
    try:
        failing.update(last_error=summary_of(error), failures=F("failures") + 1)
    except DatabaseError:
        log.warning("the failure of %s/%s cannot be stored: %s", projection.name, number, error)
