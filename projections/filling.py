"""Fill the tables of a rebuild, by one process or by several side by side; it can be paused and cancelled meanwhile."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import Sum

from eventstore import store
from projections import process
from projections.builds import Build
from projections.checkpoints import Checkpoint
from projections.engine import Work, advance
from projections.projection import Projection, projection_named

WORTH = 20_000  # events from which several processes bring more than their beginning costs
PAUSE_SECONDS = 0.2  # between two looks at whether a paused rebuild may go on, or at what the workers did


class RebuildCancelled(RuntimeError):
    """Somebody cancelled the rebuild. The live tables were left as they are."""


class RebuildPaused(RuntimeError):
    """Somebody paused a rebuild in the background. It goes on once it is resumed."""


class RebuildFailed(RuntimeError):
    """A worker could not go on. The message says why; what was built is kept for the next call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """By how many processes, into how many shards (as many as now by default), for whom; see Build for the others."""

    workers: int = 1
    shards: int | None = None
    strict: bool = False
    dry_run: bool = False
    started_by: str = ""
    background: bool = False
    progress: Callable[[Build], None] = lambda build: None


def fill_all(projection: Projection, build: Build, how: How) -> None:
    """Bring the tables of `build` to the end of the log. Raises RebuildCancelled, RebuildPaused, RebuildFailed."""
    found = Checkpoint.objects.filter(projection=projection.name, space=build.space)
    numbers = sorted(found.values_list("shard", flat=True))
    start = min(found.values_list("position", flat=True), default=0)
    left, _ = store.unread(start, event_types=projection.event_types, count_to=WORTH + 1)
    if min(how.workers, len(numbers)) > 1 and left > WORTH:
        _fill_side_by_side(build, numbers, how)
    else:
        fill(build, numbers, seen=lambda seconds: _look(build, how, worked=build.worked + timedelta(seconds=seconds)))
    _look(build, how, worked=build.worked)


def fill(build: Build, numbers: Sequence[int], *, seen: Callable[[float], None] = lambda seconds: None) -> None:
    """Bring these shards to the end of the log; `seen` is told after each round of batches how many seconds it took.

    Raises RebuildCancelled.
    """
    projection, limits = projection_named(build.projection), build.limits
    work = Work(space=build.space, strict=build.strict, includes=limits.includes if limits else None)
    left = list(numbers)
    while left:
        obey(build)
        started = time.monotonic()
        left = [number for number in left if not advance(projection, number, work).level]
        seen(time.monotonic() - started)


def obey(build: Build) -> None:
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


def _look(build: Build, how: How, *, worked: timedelta) -> None:
    """Note how far all shards are, for whoever watches."""
    marks = Checkpoint.objects.filter(projection=build.projection, space=build.space)
    position = min(marks.values_list("position", flat=True), default=0)
    events = marks.aggregate(total=Sum("events"))["total"] or 0
    latest = max(position, store.latest_position())
    Build.objects.filter(pk=build.pk).update(position=position, events=events, latest=latest, worked=worked)
    build.refresh_from_db()
    how.progress(build)


def _fill_side_by_side(build: Build, numbers: list[int], how: How) -> None:
    """Each process takes its share of the shards. Raises RebuildFailed, RebuildCancelled."""
    context = multiprocessing.get_context("spawn")  # a fork would share our connection
    database = str(connection.settings_dict["NAME"])
    started = time.monotonic()
    workers = [
        context.Process(target=process.work, args=(database, build.pk, numbers[share :: how.workers]), daemon=True)
        for share in range(min(how.workers, len(numbers)))
    ]
    for worker in workers:
        worker.start()
    before = build.worked
    try:
        while any(worker.is_alive() for worker in workers):
            time.sleep(PAUSE_SECONDS)
            _look(build, how, worked=before + timedelta(seconds=time.monotonic() - started))
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    obey(build)
    if any(worker.exitcode for worker in workers):
        build.refresh_from_db()
        raise RebuildFailed(build.problem or f"a worker of {build.projection} was killed; run the rebuild again")


def fill_share(build_id: int, numbers: list[int]) -> None:
    """What one of several processes does."""
    build = Build.objects.get(pk=build_id)
    try:
        fill(build, numbers)
    except RebuildCancelled:
        return  # whoever started us finds the same
    except Exception as error:
        Build.objects.filter(pk=build_id).update(problem=f"{type(error).__name__}: {error}")
        raise
