"""Rebuilds in the background: the admin or the sweep records them, and workers do them."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from eventstore.timetravel.as_of import AsOf
from eventstore.wakeups import wakeup
from eventstore.wakeups.wakeup import Wakeup
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import PROJECTIONS, Projection, projection_named
from projections.engine.wakeups import task_named
from projections.rebuild import schemas
from projections.rebuild.fill import RebuildOptions
from projections.rebuild.models import Build
from projections.rebuild.run import (
    RebuildRunning,
    build_as_of,
    rebuild,
    require_free_space,
    require_replaced,
    roll_back,
)
from projections.rebuild.swap import replaced_space

RETRY_AFTER = timedelta(minutes=10)  # the sweep waits this long before it rebuilds the same projection again
RUNNING = (Build.State.BUILDING, Build.State.FINISHING)


def begin_rebuild(projection: Projection, *, started_by: str, dry_run: bool = False) -> Build:
    """Record a rebuild for workers to do. With `dry_run` the tables are compared and not swapped.

    Raises RebuildRunning.
    """
    kind = Build.Kind.COMPARISON if dry_run else Build.Kind.REBUILD
    return _begin(projection, f"rebuild_{projection.name}", kind, started_by, dry_run=dry_run)


def begin_rollback(projection: Projection, *, started_by: str) -> Build:
    """Record a return to the tables that the last swap replaced. Raises CannotRollBack, RebuildRunning."""
    require_replaced(projection)
    return _begin(projection, replaced_space(projection), Build.Kind.ROLLBACK, started_by)


def begin_as_of(projection: Projection, as_of: AsOf, *, started_by: str) -> Build:
    """Record a build of the read model as it stood, in a schema named after the moment.

    Raises SpaceTaken, RebuildRunning.
    """
    space = _space_named_after(as_of)
    require_free_space(projection, space)
    limits = {"as_of": as_of.occurred, "recorded_by": as_of.recorded}
    return _begin(projection, space, Build.Kind.AS_OF, started_by, **limits)


def begin_wanted_rebuilds() -> None:
    """Record a rebuild of each read model whose code would make other rows now, unless one was begun lately."""
    wanted = Checkpoint.objects.filter(space=LIVE, projection__in=PROJECTIONS).exclude(rebuild_wanted="")
    for name in sorted(set(wanted.values_list("projection", flat=True))):
        builds = Build.objects.filter(projection=name)
        recent = builds.filter(started_at__gt=timezone.now() - RETRY_AFTER)
        if not recent.exists() and not builds.filter(state__in=Build.OPEN).exists():
            begin_rebuild(projection_named(name), started_by="service:sweep")


def running_builds() -> list[str]:
    """Return the names of the projections whose background rebuild is neither paused nor over."""
    running = Build.objects.filter(background=True, state__in=RUNNING, projection__in=PROJECTIONS)
    return sorted(set(running.values_list("projection", flat=True)))


def resume(projection: Projection) -> None:
    """Work on the projection's background rebuilds that are neither paused nor over. Raises as `rebuild`."""
    for build in Build.objects.filter(projection=projection.name, background=True, state__in=RUNNING).order_by("id"):
        options = RebuildOptions(started_by=build.started_by, background=True, dry_run=build.dry_run)
        if build.kind == Build.Kind.AS_OF:
            assert build.limits
            build_as_of(projection, build.limits, build.space, options)
        elif build.kind == Build.Kind.ROLLBACK:
            roll_back(projection, options)
        else:
            rebuild(projection, options)


def wake_rebuild(name: str) -> None:
    """Wake a worker for the background rebuild of the projection `name`."""
    wakeup.wake(rebuild_wakeup(name))


def rebuild_wakeup(name: str) -> Wakeup:
    """Return the wake-up of the task that goes on with the background rebuild of the projection `name`."""
    return Wakeup(f"build:{name}", task_named("projections.tasks.build"), (name,))


def _begin(projection: Projection, space: str, kind: Build.Kind, started_by: str, **more: Any) -> Build:
    try:
        with transaction.atomic():
            return Build.objects.create(
                projection=projection.name, space=space, kind=kind, background=True, started_by=started_by, **more
            )
    except IntegrityError as error:
        raise RebuildRunning(f"{projection.name} is being built in {space} already") from error


def _space_named_after(as_of: AsOf) -> str:
    happened = f"as_of_{as_of.occurred:%Y%m%d_%H%M%S}" if as_of.occurred else ""
    known = f"known_{as_of.recorded:%Y%m%d_%H%M%S}" if as_of.recorded else ""
    return schemas.require_usable("_".join(part for part in (happened, known) if part))
