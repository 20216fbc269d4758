"""Fill the tables of a rebuild, in one process or in several at once. Meanwhile it can be paused or cancelled."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Sum

from eventstore import store
from projections.engine.catch_up import BATCH, CatchUpOptions, advance
from projections.engine.checkpoints import Checkpoint
from projections.engine.projection import Projection, projection_named
from projections.engine.read_ahead import READ_ON_DEMAND, PageReader
from projections.rebuild.models import Build
from projections.rebuild.worker_pool import WorkerPool

log = logging.getLogger(__name__)

PARALLEL_FROM = 20_000  # with fewer events, one process is faster than starting several
PAUSE_SECONDS = 0.2  # between two looks at whether a paused rebuild may go on
LOOK_SECONDS = 0.5  # between two looks at the progress of the processes


class RebuildCancelled(RuntimeError):
    """An operator cancelled the rebuild. The live tables were left as they are."""


class RebuildPaused(RuntimeError):
    """The rebuild was paused, or its command was interrupted. The next call goes on from where it stands."""


class RebuildFailed(RuntimeError):
    """A worker process failed. The message says why. What was built is kept for the next call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildOptions:
    """How to rebuild.

    - `pool`: the processes that fill the tables; by default the calling process does.
    - `shards`: how many shards the projection has after the swap; by default as many as now.
    - `strict`: fail at an event that cannot be taken, instead of parking it.
    - `dry_run`: fill and compare the tables, then drop them; do not swap.
    - `started_by`: who started it, such as `staff:anna`, for the record.
    - `background`: a worker does it. A paused rebuild then ends the call, instead of making it wait.
    - `progress`: called with the Build now and then, and at the end of the filling.
    """

    pool: WorkerPool | None = None
    shards: int | None = None
    strict: bool = False
    dry_run: bool = False
    started_by: str = ""
    background: bool = False
    progress: Callable[[Build], None] = lambda build: None


def fill_tables(
    projection: Projection, build: Build, options: RebuildOptions, pages: PageReader = READ_ON_DEMAND
) -> Iterator[None]:
    """Fill the tables of `build` up to the end of the log, in steps: others may do theirs between two of them.

    Raises RebuildCancelled, RebuildPaused, RebuildFailed.
    """
    checkpoints = Checkpoint.objects.filter(projection=projection.name, space=build.space)
    numbers = sorted(checkpoints.values_list("shard", flat=True))
    start = min(checkpoints.values_list("position", flat=True), default=0)
    left, _ = store.unread(start, event_types=projection.event_types, count_to=PARALLEL_FROM + 1)
    if options.pool and left > PARALLEL_FROM:
        _fill_in_parallel(build, numbers, options, options.pool)
    else:
        for seconds in fill_shards(projection, build, numbers, pages):
            _record_progress(build, options, worked=build.worked + timedelta(seconds=seconds))
            yield
    _record_progress(build, options, worked=build.worked)


def fill_shards(
    projection: Projection, build: Build, numbers: Sequence[int], pages: PageReader = READ_ON_DEMAND
) -> Iterator[float]:
    """Fill these shards up to the end of the log, one batch of each in a round. Yield the seconds of each round.

    Raises RebuildCancelled, RebuildPaused.
    """
    limits = build.limits
    batch_options = CatchUpOptions(
        space=build.space,
        strict=build.strict,
        includes=limits.includes if limits else None,
        limit=pages.most or BATCH,
    )
    left = list(numbers)
    while left:
        wait_until_allowed(build)
        started = time.monotonic()
        left = [number for number in left if not advance(projection, number, batch_options, pages).caught_up]
        yield time.monotonic() - started


def wait_until_allowed(build: Build) -> None:
    """Return once the build may go on. Raises RebuildCancelled, and RebuildPaused for a paused background build."""
    while True:
        state = Build.objects.values_list("state", flat=True).get(pk=build.pk)
        if state == Build.State.CANCELLED:
            raise RebuildCancelled(f"the rebuild of {build.projection} was cancelled; the live tables are as they were")
        if state != Build.State.PAUSED:
            return
        if build.background:  # a worker does other tasks meanwhile
            raise RebuildPaused(f"the rebuild of {build.projection} is paused")
        time.sleep(PAUSE_SECONDS)


def _record_progress(build: Build, options: RebuildOptions, *, worked: timedelta) -> None:
    """Record how far all shards are in the Build, and report it."""
    checkpoints = Checkpoint.objects.filter(projection=build.projection, space=build.space)
    position = min(checkpoints.values_list("position", flat=True), default=0)
    events = checkpoints.aggregate(total=Sum("events"))["total"] or 0
    latest = max(position, store.latest_position())
    Build.objects.filter(pk=build.pk).update(position=position, events=events, latest=latest, worked=worked)
    build.refresh_from_db()
    options.progress(build)


def _fill_in_parallel(build: Build, numbers: list[int], options: RebuildOptions, pool: WorkerPool) -> None:
    """Fill the shards by the processes of the pool. Raises RebuildFailed, RebuildCancelled, RebuildPaused."""
    shares = min(pool.workers, len(numbers))
    before, spent = build.worked, timedelta()
    try:
        jobs = [pool.submit(fill_share, build.pk, numbers[share::shares]) for share in range(shares)]
        while not all(job.done() for job in jobs):
            began, at_work = time.monotonic(), any(job.running() for job in jobs)
            wait(jobs, LOOK_SECONDS)
            if at_work:  # do not count the time in which all processes fill another read model
                spent += timedelta(seconds=time.monotonic() - began)
            _record_progress(build, options, worked=before + spent)
        for job in jobs:
            job.result()
    except BrokenProcessPool as error:
        if pool.closed:
            raise RebuildPaused(f"the rebuild of {build.projection} was interrupted") from error
        raise RebuildFailed(f"a worker of {build.projection} was killed; run the rebuild again") from error
    wait_until_allowed(build)


def fill_share(build_id: int, numbers: list[int]) -> None:
    """Fill some of the shards; runs in a process of the pool. Raises RebuildFailed."""
    build = Build.objects.get(pk=build_id)
    try:
        for _ in fill_shards(projection_named(build.projection), build, numbers):
            pass
    except RebuildCancelled:
        return  # the waiting process sees the same state and raises
    except Exception as error:  # not every exception can be pickled
        log.exception("the tables of %s could not be filled", build)
        raise RebuildFailed(f"{type(error).__name__}: {error}") from error
