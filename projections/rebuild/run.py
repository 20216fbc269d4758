"""Rebuild a projection's tables beside the live ones, compare them, and swap them in one short transaction.

The new tables are in a PostgreSQL schema of their own. The same code creates, fills and indexes them; only the search
path differs. Readers and writers of the live tables go on meanwhile. If a rebuild is interrupted, its work is kept, and
the next call goes on from there.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from eventstore.storage import leases
from eventstore.storage.leases import Lease, LeaseHeld, LeaseLost
from eventstore.timetravel.as_of import AsOf
from projections.engine.catch_up import create_checkpoints
from projections.engine.checkpoints import Checkpoint, ParkedEvent
from projections.engine.projection import Projection
from projections.engine.read_ahead import READ_ON_DEMAND, PageReader, SharedPages
from projections.engine.sharding import MAX_SHARDS, require_divisible
from projections.engine.shared_folds import keeping_folds
from projections.rebuild import schemas
from projections.rebuild.compare import Difference, compare
from projections.rebuild.fill import RebuildCancelled, RebuildOptions, RebuildPaused, fill_tables, wait_until_allowed
from projections.rebuild.models import Build
from projections.rebuild.swap import replaced_space, swap


class RebuildRunning(RuntimeError):
    """Another rebuild of this projection is running. Wait for it, or cancel it. The message names its process."""


class CannotRollBack(RuntimeError):
    """There are no replaced tables to bring back, or they do not fit today's code. Rebuild instead."""


class SpaceTaken(RuntimeError):
    """The schema holds tables of this projection already. Choose another name, or drop them first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """The result of a rebuild: events folded, differences from the old live tables, events parked, whether swapped."""

    events: int
    differences: list[Difference]
    parked: int
    swapped: bool


def rebuild(projection: Projection, options: RebuildOptions | None = None, **fields: Any) -> Rebuilt:
    """Rebuild the projection from the whole log, compare, and swap; with `dry_run` do not swap.

    Instead of `options`, the fields of RebuildOptions may be given. A rebuild that was interrupted goes on where it
    stood. Raises RebuildRunning, RebuildCancelled, RebuildFailed, HandlerFailed, NotDivisible, NotAligned,
    SwapTimedOut.
    """
    steps = _rebuild(projection, options or RebuildOptions(**fields), READ_ON_DEMAND)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            rebuilt: Rebuilt = end.value
            return rebuilt


def rebuild_together(
    projections: Iterable[Projection], options_of: Callable[[Projection], RebuildOptions]
) -> Iterator[tuple[Projection, Rebuilt]]:
    """Rebuild several projections in this process as `rebuild` does, and yield each that is done.

    They take turns, so that each event is read and folded once for all of them. If one fails, the others stay as they
    are, and the next call goes on with them. Raises what `rebuild` raises.
    """
    pages = SharedPages()
    turns = {projection: _rebuild(projection, options_of(projection), pages) for projection in projections}
    with ExitStack() as stack:
        stack.enter_context(keeping_folds())
        for steps in turns.values():
            stack.callback(steps.close)
        while turns:
            pages.begin_round()
            for projection, steps in list(turns.items()):
                try:
                    next(steps)
                except StopIteration as end:
                    del turns[projection]
                    yield projection, end.value


def _rebuild(projection: Projection, options: RebuildOptions, pages: PageReader) -> Generator[None, None, Rebuilt]:
    """Rebuild a projection, and pause after each round of batches."""
    if options.shards is not None:
        require_divisible(projection, options.shards)
    space = f"rebuild_{projection.name}"
    with _alone(space) as lease:
        build = _open(projection, space, Build.Kind.COMPARISON if options.dry_run else Build.Kind.REBUILD, options)
        with _ending(projection, build, lease):
            _begin(projection, build, options, lease)
            yield from fill_tables(projection, build, options, pages)
            return _finish(projection, build, options, lease)


def roll_back(projection: Projection, options: RebuildOptions | None = None, **fields: Any) -> Rebuilt:
    """Catch up the tables that the last swap replaced, and swap them back. The live tables are retained in turn.

    Raises CannotRollBack, and as `rebuild`.
    """
    options = options or RebuildOptions(**fields)
    space = replaced_space(projection)
    with _alone(f"rebuild_{projection.name}") as lease:
        require_replaced(projection)
        build = _open(projection, space, Build.Kind.ROLLBACK, options)
        with _ending(projection, build, lease):
            for _ in fill_tables(projection, build, options):
                pass
            return _finish(projection, build, options, lease)


def require_replaced(projection: Projection) -> None:
    """Raise CannotRollBack if there are no replaced tables that fit today's code."""
    space = replaced_space(projection)
    if not schemas.exists(space):
        raise CannotRollBack(f"there are no replaced tables of {projection.name}: rebuild it instead")
    if not schemas.fits(projection, space):
        raise CannotRollBack(
            f"the tables in {schemas.schema_of(space)} have other columns than today's code:"
            f" rebuild {projection.name} instead"
        )


def build_as_of(
    projection: Projection, as_of: AsOf, space: str, options: RebuildOptions | None = None, **fields: Any
) -> Build:
    """Build the whole read model as it stood at a moment, in the schema `space`. The live tables are not touched.

    Raises BadSpaceName, SpaceTaken, and as `rebuild`.
    """
    options = options or RebuildOptions(**fields)
    schemas.require_usable(space)
    with _alone(f"{space}.{projection.name}") as lease:
        earlier = Build.objects.filter(projection=projection.name, space=space, state__in=Build.OPEN).first()
        if earlier is None:
            require_free_space(projection, space)
        limits = {"as_of": as_of.occurred, "recorded_by": as_of.recorded}
        build = _open(projection, space, Build.Kind.AS_OF, options, **limits)
        with _ending(projection, build, lease):
            _begin(projection, build, options, lease)
            for _ in fill_tables(projection, build, options):
                pass
            lease.require()
            schemas.create_indexes(projection, space)
            build.end(Build.State.DONE)
    return build


def require_free_space(projection: Projection, space: str) -> None:
    """Raise SpaceTaken if the schema holds tables of this projection already."""
    if schemas.exists(space) and schemas.fits(projection, space):
        raise SpaceTaken(f"the schema {schemas.schema_of(space)} holds {projection.name} already")


# --- one rebuild at a time --------------------------------------------------------------------------------------------


@contextmanager
def _alone(space: str) -> Iterator[Lease]:
    """Hold the lease of this set of tables. Without it, the swap of one rebuild would remove the schema of another.

    Raises RebuildRunning.
    """
    try:
        with leases.hold(space) as lease:
            yield lease
    except (LeaseHeld, LeaseLost) as error:
        raise RebuildRunning(str(error)) from error


def _open(projection: Projection, space: str, kind: Build.Kind, options: RebuildOptions, **limits: Any) -> Build:
    """Return the interrupted build of this space, with today's options, or a new one."""
    settings = {
        "kind": kind,
        "strict": options.strict,
        "dry_run": options.dry_run,
        "background": options.background,
        **limits,
    }
    interrupted = Build.objects.filter(projection=projection.name, space=space, state__in=Build.OPEN)
    # The lease says that no other process is building it. A command that is repeated resumes a paused build.
    if options.background:
        interrupted = interrupted.exclude(state=Build.State.PAUSED)
    interrupted.update(state=Build.State.BUILDING)
    build, _ = Build.objects.get_or_create(
        projection=projection.name,
        space=space,
        state__in=Build.OPEN,
        defaults={"state": Build.State.BUILDING, "started_by": options.started_by, **settings},
    )
    for name, value in settings.items():
        setattr(build, name, value)
    build.save(update_fields=list(settings))
    return build


@contextmanager
def _ending(projection: Projection, build: Build, lease: Lease) -> Iterator[None]:
    """Record how the build ended, if it fails or is cancelled. A build that is only interrupted stays open.

    So does one whose lease was lost: the process that has the lease now goes on with it.
    """
    try:
        yield
    except (RebuildPaused, LeaseLost):
        raise
    except RebuildCancelled as cancelled:
        with transaction.atomic():
            lease.require()
            if build.kind != Build.Kind.ROLLBACK:
                schemas.drop(projection, build.space)
            build.end(Build.State.CANCELLED, str(cancelled))
        raise
    except Exception as error:
        if lease.is_held():
            build.end(Build.State.FAILED, f"{type(error).__name__}: {error}")
        raise


def _begin(projection: Projection, build: Build, options: RebuildOptions, lease: Lease) -> None:
    """Create the empty tables, unless an interrupted build by the same version of the code left them."""
    checkpoints = list(Checkpoint.objects.filter(projection=projection.name, space=build.space))
    code = (projection.version, projection.event_types)
    is_ours = all((each.code_version, each.event_types) == code for each in checkpoints)
    if checkpoints and is_ours and schemas.exists(build.space) and schemas.fits(projection, build.space):
        return
    shard_count = min(options.pool.workers, MAX_SHARDS) if options.pool and not projection.total_order else 1
    with transaction.atomic():
        lease.require()
        schemas.drop(projection, build.space)
        schemas.create(projection, build.space)
        create_checkpoints(projection, shard_count, space=build.space)


# --- finishing --------------------------------------------------------------------------------------------------------


def _finish(projection: Projection, build: Build, options: RebuildOptions, lease: Lease) -> Rebuilt:
    """Create the indexes, compare, swap unless it is a dry run, and record the result."""
    wait_until_allowed(build)
    lease.require()
    Build.objects.filter(pk=build.pk, state=Build.State.BUILDING).update(state=Build.State.FINISHING)
    schemas.create_indexes(projection, build.space)
    differences = compare(projection, build.space)
    parked = ParkedEvent.objects.filter(projection=projection.name, space=build.space).count()
    if not options.dry_run:
        swap(projection, build.space, lease=lease, shard_count=options.shards)
    elif build.kind == Build.Kind.COMPARISON:
        schemas.drop(projection, build.space)
    build.refresh_from_db()
    build.report = [
        {name: getattr(each, name) for name in ("table", "rows", "added", "removed", "changed", "samples")}
        for each in differences
    ]
    build.save(update_fields=["report"])
    build.end(Build.State.DONE)
    return Rebuilt(events=build.events, differences=differences, parked=parked, swapped=not options.dry_run)
