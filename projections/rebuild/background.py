"""Rebuilds that somebody asks for and workers take on: from the admin, or by the sweep."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from eventstore.timetravel.as_of import AsOf
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import PROJECTIONS, Projection, projection_named
from projections.rebuild import schemas
from projections.rebuild.fill import RebuildOptions
from projections.rebuild.models import Build
from projections.rebuild.run import RebuildRunning, build_as_of, rebuild, require_no_view, require_replaced, roll_back
from projections.rebuild.swap import replaced_space

AGAIN = timedelta(minutes=10)  # before a rebuild that did not help is begun again by itself
AT_WORK = (Build.State.BUILDING, Build.State.FINISHING)


def begin_rebuild(projection: Projection, *, started_by: str, dry_run: bool = False) -> Build:
    """Beside the live tables, compared and swapped; with `dry_run` compared only. Raises RebuildRunning."""
    return _begin(projection, f"rebuild_{projection.name}", Build.Kind.REBUILD, started_by, dry_run=dry_run)


def begin_rollback(projection: Projection, *, started_by: str) -> Build:
    """To the tables that the last swap replaced. Raises CannotRollBack, RebuildRunning."""
    require_replaced(projection)
    return _begin(projection, replaced_space(projection), Build.Kind.ROLLBACK, started_by)


def begin_as_of(projection: Projection, as_of: AsOf, *, started_by: str) -> Build:
    """The view as it stood, in a schema that is called after the moment. Raises SpaceTaken, RebuildRunning."""
    space = _called_after(as_of)
    require_no_view(projection, space)
    limits = {"as_of": as_of.occurred, "recorded_by": as_of.recorded}
    return _begin(projection, space, Build.Kind.AS_OF, started_by, **limits)


def begin_wanted_rebuilds() -> None:
    """Of each view that its code says is not what it would make now, once in a while."""
    wanted = Checkpoint.objects.filter(space=LIVE, projection__in=PROJECTIONS).exclude(rebuild_wanted="")
    for name in sorted(set(wanted.values_list("projection", flat=True))):
        builds = Build.objects.filter(projection=name)
        lately = builds.filter(started_at__gt=timezone.now() - AGAIN)
        if not lately.exists() and not builds.filter(state__in=Build.OPEN).exists():
            begin_rebuild(projection_named(name), started_by="service:sweep")


def running_builds() -> list[str]:
    """The projections that have a rebuild that a worker should go on with."""
    going_on = Build.objects.filter(background=True, state__in=AT_WORK, projection__in=PROJECTIONS)
    return sorted(set(going_on.values_list("projection", flat=True)))


def resume(projection: Projection) -> None:
    """Work on what was begun in the background, unless somebody does, or it is paused. Raises as `rebuild`."""
    for build in Build.objects.filter(projection=projection.name, background=True, state__in=AT_WORK).order_by("id"):
        options = RebuildOptions(started_by=build.started_by, background=True, dry_run=build.dry_run)
        if build.kind == Build.Kind.AS_OF:
            assert build.limits
            build_as_of(projection, build.limits, build.space, options)
        elif build.kind == Build.Kind.ROLLBACK:
            roll_back(projection, options)
        else:
            rebuild(projection, options)


def _begin(projection: Projection, space: str, kind: Build.Kind, started_by: str, **more: Any) -> Build:
    try:
        with transaction.atomic():
            return Build.objects.create(
                projection=projection.name, space=space, kind=kind, background=True, started_by=started_by, **more
            )
    except IntegrityError as error:
        raise RebuildRunning(f"{projection.name} is being built in {space} already") from error


def _called_after(as_of: AsOf) -> str:
    happened = f"as_of_{as_of.occurred:%Y%m%d_%H%M%S}" if as_of.occurred else ""
    known = f"known_{as_of.recorded:%Y%m%d_%H%M%S}" if as_of.recorded else ""
    return schemas.require_usable("_".join(part for part in (happened, known) if part))
