"""Build a projection anew beside the live tables, compare, and swap in one short transaction.

The second tables stand in a schema of their own and are made, filled and indexed by the unmodified code: only the
search path differs. Readers and writers of the live tables go on throughout. What is done is kept, whatever dies: the
next call goes on from there.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from eventstore import store
from eventstore.timetravel import AsOf
from projections import process, spaces
from projections.builds import Build
from projections.checkpoints import Checkpoint, ParkedEvent
from projections.comparing import Difference, compare
from projections.engine import Work, advance, begin
from projections.projection import Projection, projection_named
from projections.sharding import MOST, require_divisible
from projections.swapping import replaced_space, swap

PAUSE_SECONDS = 0.2  # between two looks at whether a paused rebuild may go on, or at what the workers did


class RebuildRunning(RuntimeError):
    """Another rebuild of this projection is at work. Wait for it, or cancel it; what it has done is kept."""


class RebuildCancelled(RuntimeError):
    """Somebody cancelled the rebuild. The live tables were left as they are."""


class RebuildPaused(RuntimeError):
    """Somebody paused a rebuild in the background. It goes on once it is resumed."""


class RebuildFailed(RuntimeError):
    """A worker could not go on. The message says why; what was built is kept for the next call."""


class CannotRollBack(RuntimeError):
    """No tables are kept that could come back, or they have other columns than today's code. Rebuild instead."""


class SpaceTaken(RuntimeError):
    """The schema holds this view already. Choose another name, or drop it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild did."""

    events: int
    differences: list[Difference]
    parked: int
    swapped: bool


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


def rebuild(projection: Projection, how: How | None = None, **given: Any) -> Rebuilt:
    """Rebuild `projection` from the whole log; with `dry_run` compare and report only. `given` is what How takes.

    A rebuild that was broken off goes on where it stood. `progress(build)` is called now and then. Raises
    RebuildRunning, RebuildCancelled, RebuildFailed, HandlerFailed, NotDivisible, NotLevel, SwapTimedOut.
    """
    how = how or How(**given)
    if how.shards is not None:
        require_divisible(projection, how.shards)
    space = f"rebuild_{projection.name}"
    with _alone(space):
        build = _open(projection, space, Build.Kind.REBUILD, how)
        with _ending(build):
            _begin(projection, build, how)
            _fill(projection, build, how)
            return _finish(projection, build, how)


def roll_back(projection: Projection, how: How | None = None, **given: Any) -> Rebuilt:
    """Bring back the tables that the last swap replaced, caught up; those that were live are kept in their place.

    Raises CannotRollBack, and as `rebuild`.
    """
    how = how or How(**given)
    space = replaced_space(projection)
    with _alone(f"rebuild_{projection.name}"):
        if not spaces.exists(space):
            raise CannotRollBack(f"no replaced tables of {projection.name} are kept: rebuild it instead")
        if not spaces.fits(projection, space):
            raise CannotRollBack(f"{space} has other columns than today's code: rebuild {projection.name} instead")
        build = _open(projection, space, Build.Kind.ROLLBACK, how)
        with _ending(build):
            _fill(projection, build, how)
            return _finish(projection, build, how)


def build_as_of(projection: Projection, as_of: AsOf, space: str, how: How | None = None, **given: Any) -> Build:
    """The whole view as it stood, in the schema `space`; the live one is not touched.

    Raises BadSpaceName, SpaceTaken, and as `rebuild`.
    """
    how = how or How(**given)
    spaces.require_usable(space)
    with _alone(f"{space}.{projection.name}"):
        earlier = Build.objects.filter(projection=projection.name, space=space, state__in=Build.OPEN).first()
        if earlier is None and spaces.exists(space) and spaces.fits(projection, space):
            raise SpaceTaken(f"the schema {space} holds {projection.name} already")
        limits = {"as_of": as_of.occurred, "recorded_by": as_of.recorded}
        build = _open(projection, space, Build.Kind.AS_OF, how, **limits)
        with _ending(build):
            _begin(projection, build, how)
            _fill(projection, build, how)
            spaces.create_indexes(projection, space)
            build.end(Build.State.DONE)
    return build


def begin_in_background(projection: Projection, *, started_by: str, dry_run: bool = False) -> Build:
    """A rebuild that workers take on. Raises RebuildRunning."""
    space = f"rebuild_{projection.name}"
    try:
        with transaction.atomic():
            return Build.objects.create(
                projection=projection.name, space=space, background=True, dry_run=dry_run, started_by=started_by
            )
    except IntegrityError as error:
        raise RebuildRunning(f"{projection.name} is being rebuilt already") from error


def go_on(projection: Projection) -> None:
    """Work on what was begun in the background, unless somebody does, or it is paused. Raises as `rebuild`."""
    builds = Build.objects.filter(projection=projection.name, background=True, kind=Build.Kind.REBUILD)
    build = builds.filter(state__in=(Build.State.BUILDING, Build.State.FINISHING)).first()
    if build is not None:
        rebuild(projection, started_by=build.started_by, background=True, dry_run=build.dry_run)


# --- one after another ------------------------------------------------------------------------------------------------


@contextmanager
def _alone(space: str) -> Iterator[None]:
    """One at a time for each set of tables: a second one would find its schema gone and meet the live tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [space])
        if cursor.fetchone() != (True,):
            raise RebuildRunning(f"{space} is being built already")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [space])


def _open(projection: Projection, space: str, kind: Build.Kind, how: How, **limits: Any) -> Build:
    """The build that was broken off, or a new one."""
    wanted = {"kind": kind, "strict": how.strict, "dry_run": how.dry_run, "background": how.background, **limits}
    left = Build.objects.filter(projection=projection.name, space=space, state__in=Build.OPEN)
    # Whatever it was about, nobody is at work on it but us; typed again, a paused one is resumed.
    if how.background:
        left = left.exclude(state=Build.State.PAUSED)
    left.update(state=Build.State.BUILDING)
    build, _ = Build.objects.get_or_create(
        projection=projection.name,
        space=space,
        state__in=Build.OPEN,
        defaults={"state": Build.State.BUILDING, "started_by": how.started_by, **wanted},
    )
    for name, value in wanted.items():
        setattr(build, name, value)
    build.save(update_fields=list(wanted))
    return build


@contextmanager
def _ending(build: Build) -> Iterator[None]:
    """What goes wrong is noted; a build that is only interrupted stays open."""
    try:
        yield
    except RebuildPaused:
        raise
    except RebuildCancelled as cancelled:
        if build.kind != Build.Kind.ROLLBACK:
            spaces.drop(projection_named(build.projection), build.space)
        build.end(Build.State.CANCELLED, str(cancelled))
        raise
    except Exception as error:
        build.end(Build.State.FAILED, f"{type(error).__name__}: {error}")
        raise


def _begin(projection: Projection, build: Build, how: How) -> None:
    """Makes the empty tables, unless a broken-off build by this very code left them."""
    marks = list(Checkpoint.objects.filter(projection=projection.name, space=build.space))
    code = (projection.version, projection.event_types)
    is_ours = all((mark.code_version, mark.event_types) == code for mark in marks)
    if marks and is_ours and spaces.exists(build.space) and spaces.fits(projection, build.space):
        return
    parts = 1 if projection.total_order else min(max(how.workers, 1), MOST)
    with transaction.atomic():
        spaces.drop(projection, build.space)
        spaces.create(projection, build.space)
        begin(projection, parts, space=build.space)


# --- filling ----------------------------------------------------------------------------------------------------------


def _fill(projection: Projection, build: Build, how: How) -> None:
    found = Checkpoint.objects.filter(projection=projection.name, space=build.space)
    numbers = sorted(found.values_list("shard", flat=True))
    if min(how.workers, len(numbers)) > 1:
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
        _obey(build)
        started = time.monotonic()
        left = [number for number in left if not advance(projection, number, work).level]
        seen(time.monotonic() - started)


def _obey(build: Build) -> None:
    """Returns once the build may go on. Raises RebuildCancelled."""
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
    _obey(build)
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


# --- finishing --------------------------------------------------------------------------------------------------------


def _finish(projection: Projection, build: Build, how: How) -> Rebuilt:
    _obey(build)
    Build.objects.filter(pk=build.pk, state=Build.State.BUILDING).update(state=Build.State.FINISHING)
    spaces.create_indexes(projection, build.space)
    differences = compare(projection, build.space)
    parked = ParkedEvent.objects.filter(projection=projection.name, space=build.space).count()
    if not how.dry_run:
        swap(projection, build.space, of=how.shards)
    elif build.kind == Build.Kind.REBUILD:
        spaces.drop(projection, build.space)
    build.refresh_from_db()
    build.report = [
        {name: getattr(each, name) for name in ("table", "rows", "added", "removed", "changed", "samples")}
        for each in differences
    ]
    build.save(update_fields=["report"])
    build.end(Build.State.DONE)
    return Rebuilt(events=build.events, differences=differences, parked=parked, swapped=not how.dry_run)
