"""Fill the tables of a rebuild, by one process or by several side by side; it can be paused and cancelled meanwhile."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Sum

from eventstore import store
from projections.engine.catch_up import CatchUpOptions, advance
from projections.engine.checkpoints import Checkpoint
from projections.engine.projection import Projection, projection_named
from projections.rebuild.models import Build
from projections.rebuild.worker_pool import WorkerPool

log = logging.getLogger(__name__)

PARALLEL_FROM = 20_000  # events from which several processes bring more than their beginning costs
PAUSE_SECONDS = 0.2  # between two looks at whether a paused rebuild may go on
LOOK_SECONDS = 0.5  # between two looks at what the processes did


class RebuildCancelled(RuntimeError):
    """Somebody cancelled the rebuild. The live tables were left as they are."""


class RebuildPaused(RuntimeError):
    """It was left where it stands: somebody paused it in the background, or broke it off. It goes on from there."""


class RebuildFailed(RuntimeError):
    """A worker could not go on. The message says why; what was built is kept for the next call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildOptions:
    """By which processes, into how many shards (as many as now by default), for whom; see Build for the others."""

    pool: WorkerPool | None = None
    shards: int | None = None
    strict: bool = False
    dry_run: bool = False
    started_by: str = ""
    background: bool = False
    progress: Callable[[Build], None] = lambda build: None


def fill_tables(projection: Projection, build: Build, options: RebuildOptions) -> None:
    """Bring the tables of `build` to the end of the log. Raises RebuildCancelled, RebuildPaused, RebuildFailed."""
    found = Checkpoint.objects.filter(projection=projection.name, space=build.space)
    numbers = sorted(found.values_list("shard", flat=True))
    start = min(found.values_list("position", flat=True), default=0)
    left, _ = store.unread(start, event_types=projection.event_types, count_to=PARALLEL_FROM + 1)
    if options.pool and left > PARALLEL_FROM:
        _fill_side_by_side(build, numbers, options, options.pool)
    else:
        fill_shards(
            build, numbers, seen=lambda seconds: _look(build, options, worked=build.worked + timedelta(seconds=seconds))
        )
    _look(build, options, worked=build.worked)


def fill_shards(build: Build, numbers: Sequence[int], *, seen: Callable[[float], None] = lambda seconds: None) -> None:
    """Bring these shards to the end of the log; `seen` is told after each round of batches how many seconds it took.

    Raises RebuildCancelled.
    """
    projection, limits = projection_named(build.projection), build.limits
    work = CatchUpOptions(space=build.space, strict=build.strict, includes=limits.includes if limits else None)
    left = list(numbers)
    while left:
        wait_until_allowed(build)
        started = time.monotonic()
        left = [number for number in left if not advance(projection, number, work).level]
        seen(time.monotonic() - started)


def wait_until_allowed(build: Build) -> None:
    """Returns once the build may go on. Raises RebuildCancelled, RebuildPaused."""
    while True:
        state = Build.objects.values_list("state", flat=True).get(pk=build.pk)
        if state == Build.State.CANCELLED:
            raise RebuildCancelled(f"the rebuild of {build.projection} was cancelled; the live tables are as they were")
        if state != Build.State.PAUSED:
            return
        if build.background:  # a worker has other things to do
            raise RebuildPaused(f"the rebuild of {build.projection} is paused")
        time.sleep(PAUSE_SECONDS)


def _look(build: Build, options: RebuildOptions, *, worked: timedelta) -> None:
    """Note how far all shards are, for whoever watches."""
    marks = Checkpoint.objects.filter(projection=build.projection, space=build.space)
    position = min(marks.values_list("position", flat=True), default=0)
    events = marks.aggregate(total=Sum("events"))["total"] or 0
    latest = max(position, store.latest_position())
    Build.objects.filter(pk=build.pk).update(position=position, events=events, latest=latest, worked=worked)
    build.refresh_from_db()
    options.progress(build)


def _fill_side_by_side(build: Build, numbers: list[int], options: RebuildOptions, pool: WorkerPool) -> None:
    """Each process takes its share of the shards. Raises RebuildFailed, RebuildCancelled, RebuildPaused."""
    shares = min(pool.workers, len(numbers))
    before, spent = build.worked, timedelta()
    try:
        jobs = [pool.submit(fill_share, build.pk, numbers[share::shares]) for share in range(shares)]
        while not all(job.done() for job in jobs):
            began, at_work = time.monotonic(), any(job.running() for job in jobs)
            wait(jobs, LOOK_SECONDS)
            if at_work:  # and not waiting for a process that is filling another view
                spent += timedelta(seconds=time.monotonic() - began)
            _look(build, options, worked=before + spent)
        for job in jobs:
            job.result()
    except BrokenProcessPool as error:
        if pool.closed:
            raise RebuildPaused(f"the rebuild of {build.projection} was broken off") from error
        raise RebuildFailed(f"a worker of {build.projection} was killed; run the rebuild again") from error
    wait_until_allowed(build)


def fill_share(build_id: int, numbers: list[int]) -> None:
    """What one of several processes does. Raises RebuildFailed."""
    build = Build.objects.get(pk=build_id)
    try:
        fill_shards(build, numbers)
    except RebuildCancelled:
        return  # whoever waits for us finds the same
    except Exception as error:  # not every error survives the way from one process to another
        log.exception("%s cannot be filled", build)
        raise RebuildFailed(f"{type(error).__name__}: {error}") from error
