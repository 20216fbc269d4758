"""Build a projection anew beside the live tables, compare, and swap in one short transaction.

The second tables stand in a schema of their own and are made, filled and indexed by the unmodified code: only the
search path differs. Readers and writers of the live tables go on throughout. What is done is kept, whatever dies: the
next call goes on from there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from eventstore.timetravel.as_of import AsOf
from projections.engine.catch_up import create_checkpoints
from projections.engine.checkpoints import Checkpoint, ParkedEvent
from projections.engine.projection import Projection, projection_named
from projections.engine.sharding import MOST, require_divisible
from projections.rebuild import schemas
from projections.rebuild.compare import Difference, compare
from projections.rebuild.fill import RebuildCancelled, RebuildOptions, RebuildPaused, fill_tables, wait_until_allowed
from projections.rebuild.models import Build
from projections.rebuild.swap import replaced_space, swap


class RebuildRunning(RuntimeError):
    """Another rebuild of this projection is at work. Wait for it, or cancel it; what it has done is kept."""


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


def rebuild(projection: Projection, options: RebuildOptions | None = None, **given: Any) -> Rebuilt:
    """Rebuild `projection` from the whole log; with `dry_run` compare and report only. `given` is what How takes.

    A rebuild that was broken off goes on where it stood. `progress(build)` is called now and then. Raises
    RebuildRunning, RebuildCancelled, RebuildFailed, HandlerFailed, NotDivisible, NotLevel, SwapTimedOut.
    """
    options = options or RebuildOptions(**given)
    if options.shards is not None:
        require_divisible(projection, options.shards)
    space = f"rebuild_{projection.name}"
    with _alone(space):
        build = _open(projection, space, Build.Kind.REBUILD, options)
        with _ending(build):
            _begin(projection, build, options)
            fill_tables(projection, build, options)
            return _finish(projection, build, options)


def roll_back(projection: Projection, options: RebuildOptions | None = None, **given: Any) -> Rebuilt:
    """Bring back the tables that the last swap replaced, caught up; those that were live are kept in their place.

    Raises CannotRollBack, and as `rebuild`.
    """
    options = options or RebuildOptions(**given)
    space = replaced_space(projection)
    with _alone(f"rebuild_{projection.name}"):
        require_replaced(projection)
        build = _open(projection, space, Build.Kind.ROLLBACK, options)
        with _ending(build):
            fill_tables(projection, build, options)
            return _finish(projection, build, options)


def require_replaced(projection: Projection) -> None:
    """Raises CannotRollBack where no tables are kept that could come back."""
    space = replaced_space(projection)
    if not schemas.exists(space):
        raise CannotRollBack(f"no replaced tables of {projection.name} are kept: rebuild it instead")
    if not schemas.fits(projection, space):
        raise CannotRollBack(f"{space} has other columns than today's code: rebuild {projection.name} instead")


def build_as_of(
    projection: Projection, as_of: AsOf, space: str, options: RebuildOptions | None = None, **given: Any
) -> Build:
    """The whole view as it stood, in the schema `space`; the live one is not touched.

    Raises BadSpaceName, SpaceTaken, and as `rebuild`.
    """
    options = options or RebuildOptions(**given)
    schemas.require_usable(space)
    with _alone(f"{space}.{projection.name}"):
        earlier = Build.objects.filter(projection=projection.name, space=space, state__in=Build.OPEN).first()
        if earlier is None:
            require_no_view(projection, space)
        limits = {"as_of": as_of.occurred, "recorded_by": as_of.recorded}
        build = _open(projection, space, Build.Kind.AS_OF, options, **limits)
        with _ending(build):
            _begin(projection, build, options)
            fill_tables(projection, build, options)
            schemas.create_indexes(projection, space)
            build.end(Build.State.DONE)
    return build


def require_no_view(projection: Projection, space: str) -> None:
    """Raises SpaceTaken where the schema holds this view."""
    if schemas.exists(space) and schemas.fits(projection, space):
        raise SpaceTaken(f"the schema {space} holds {projection.name} already")


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


def _open(projection: Projection, space: str, kind: Build.Kind, options: RebuildOptions, **limits: Any) -> Build:
    """The build that was broken off, or a new one."""
    wanted = {
        "kind": kind,
        "strict": options.strict,
        "dry_run": options.dry_run,
        "background": options.background,
        **limits,
    }
    left = Build.objects.filter(projection=projection.name, space=space, state__in=Build.OPEN)
    # Whatever it was about, nobody is at work on it but us; typed again, a paused one is resumed.
    if options.background:
        left = left.exclude(state=Build.State.PAUSED)
    left.update(state=Build.State.BUILDING)
    build, _ = Build.objects.get_or_create(
        projection=projection.name,
        space=space,
        state__in=Build.OPEN,
        defaults={"state": Build.State.BUILDING, "started_by": options.started_by, **wanted},
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
            schemas.drop(projection_named(build.projection), build.space)
        build.end(Build.State.CANCELLED, str(cancelled))
        raise
    except Exception as error:
        build.end(Build.State.FAILED, f"{type(error).__name__}: {error}")
        raise


def _begin(projection: Projection, build: Build, options: RebuildOptions) -> None:
    """Makes the empty tables, unless a broken-off build by this very code left them."""
    marks = list(Checkpoint.objects.filter(projection=projection.name, space=build.space))
    code = (projection.version, projection.event_types)
    is_ours = all((mark.code_version, mark.event_types) == code for mark in marks)
    if marks and is_ours and schemas.exists(build.space) and schemas.fits(projection, build.space):
        return
    parts = min(options.pool.workers, MOST) if options.pool and not projection.total_order else 1
    with transaction.atomic():
        schemas.drop(projection, build.space)
        schemas.create(projection, build.space)
        create_checkpoints(projection, parts, space=build.space)


# --- finishing --------------------------------------------------------------------------------------------------------


def _finish(projection: Projection, build: Build, options: RebuildOptions) -> Rebuilt:
    wait_until_allowed(build)
    Build.objects.filter(pk=build.pk, state=Build.State.BUILDING).update(state=Build.State.FINISHING)
    schemas.create_indexes(projection, build.space)
    differences = compare(projection, build.space)
    parked = ParkedEvent.objects.filter(projection=projection.name, space=build.space).count()
    if not options.dry_run:
        swap(projection, build.space, of=options.shards)
    elif build.kind == Build.Kind.REBUILD:
        schemas.drop(projection, build.space)
    build.refresh_from_db()
    build.report = [
        {name: getattr(each, name) for name in ("table", "rows", "added", "removed", "changed", "samples")}
        for each in differences
    ]
    build.save(update_fields=["report"])
    build.end(Build.State.DONE)
    return Rebuilt(events=build.events, differences=differences, parked=parked, swapped=not options.dry_run)
