"""The doorbell: a commit wakes the workers, and a sweep finds what a lost message did not announce.

Messages carry a projection's name and a shard, and nothing else. One at most waits for each, however fast commits come.
"""

import logging
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db.models import F
from django.utils import timezone

from eventstore import bell, store
from eventstore.bell import Bell
from eventstore.sharding import shard_of
from projections import drift, engine, rebuild
from projections.builds import Build
from projections.checkpoints import LIVE, Checkpoint
from projections.engine import Progress, Work
from projections.projection import PROJECTIONS, Projection, projection_named

log = logging.getLogger(__name__)

HELD_BACK_SECONDS = 2.0  # how long a worker stays near when writers hold back a part of the log
BUSY_SECONDS = 0.2  # until a worker looks again at a shard that somebody else was working on
SLICE_SECONDS = 20.0  # after which a worker that is not level yet lets other work come first
KNOWN_SECONDS = 5.0  # for which a process remembers into how many shards a projection is divided
REBUILD_PAUSE = timedelta(minutes=10)  # before a rebuild that did not help is begun again by itself
SWEPT = "projections:swept"

_known: dict[str, tuple[float, int]] = {}


def ring(sender: Any = None, *, aggregate_ids: Collection[UUID] | None = None, **signal: Any) -> None:
    """Wake the shards that have these aggregates, all where none are named. Receives `events_appended`."""
    bells = []
    for projection in PROJECTIONS.values():
        of = _shard_count(projection)
        numbers = range(of) if aggregate_ids is None else sorted({shard_of(key, of) for key in aggregate_ids})
        bells += [_bell(projection.name, number, of) for number in numbers]
    bell.ring(*bells)


@shared_task
def project(name: str, number: int = 0, of: int = 1) -> None:
    """Bring one shard level with the log; where somebody else is at it, come back in a moment."""
    bell.heard(_bell(name, number, of))
    projection = projection_named(name)
    numbers = engine.shards(projection)
    if of != len(numbers):  # it was divided anew since whoever rang looked
        _known.pop(name, None)
        bell.ring(*(_bell(name, each, len(numbers)) for each in numbers))
        return
    progress = _catch_up_near(projection, number, seconds=SLICE_SECONDS)
    if progress.everywhere:
        bell.ring(*(_bell(name, other, of) for other in numbers if other != number))
    if progress.busy:
        bell.ring(_bell(name, number, of), countdown=BUSY_SECONDS)
    elif not progress.level:
        bell.ring(_bell(name, number, of))


@shared_task
def build(name: str) -> None:
    """Go on with a rebuild that somebody began in the background."""
    bell.heard(_build_bell(name))
    try:
        rebuild.go_on(projection_named(name))
    except (rebuild.RebuildRunning, rebuild.RebuildPaused, rebuild.RebuildCancelled) as reason:
        log.info("%s", reason)


@shared_task
def check_some() -> None:
    """Does what is shown still follow from the log? A few aggregates, at random; a flag for what does not."""
    for projection in PROJECTIONS.values():
        drift.look_for_drift(projection, count=settings.DRIFT_SAMPLE)


def ring_build(name: str) -> None:
    """Wake a worker for a rebuild in the background."""
    bell.ring(_build_bell(name))


@shared_task
def sweep() -> None:
    """Catch up whatever is behind, whether or not a message came. One projection's trouble is not the others'."""
    latest = store.latest_position()
    positions = dict(Checkpoint.objects.filter(space=LIVE).values_list("name", "position"))
    for name, projection in PROJECTIONS.items():
        numbers = engine.shards(projection)
        for number in numbers:
            if positions.get(f"{name}/{number}", 0) < latest:
                try:
                    progress = _catch_up_near(projection, number, seconds=HELD_BACK_SECONDS)
                except Exception:
                    log.exception("the sweep cannot bring %s level", name)
                else:
                    if not progress.level and not progress.busy:
                        bell.ring(_bell(name, number, len(numbers)))
    _sweep_builds()
    cache.set(SWEPT, timezone.now().isoformat(), timeout=None)


def _sweep_builds() -> None:
    """Begin the rebuilds that are wanted, and wake workers for those that whoever was at work has left."""
    if settings.REBUILD_BY_ITSELF:
        wanted = Checkpoint.objects.filter(space=LIVE, projection__in=PROJECTIONS).exclude(rebuild_wanted="")
        for name in sorted(set(wanted.values_list("projection", flat=True))):
            lately = Build.objects.filter(projection=name, started_at__gt=timezone.now() - REBUILD_PAUSE)
            if not lately.exists() and not Build.objects.filter(projection=name, state__in=Build.OPEN).exists():
                rebuild.begin_in_background(projection_named(name), started_by="service:sweep")
    going_on = Build.objects.filter(background=True, state__in=(Build.State.BUILDING, Build.State.FINISHING))
    for name in going_on.filter(projection__in=PROJECTIONS).values_list("projection", flat=True):
        ring_build(name)


def _catch_up_near(projection: Projection, number: int, *, seconds: float) -> Progress:
    """Catch up, for a while, and stay near for a moment while writers hold back a part of the log."""
    now = time.monotonic()
    work = Work(wait=False, until=now + seconds)
    so_far = Progress()
    try:
        while True:
            so_far = so_far.then(engine.catch_up_shard(projection, number, work))
            if so_far.settled or so_far.busy or not so_far.level or time.monotonic() > now + HELD_BACK_SECONDS:
                return so_far
            time.sleep(0.005)  # one that took an earlier position is about to commit, or to roll back unheard
    except Exception as error:
        if not isinstance(error, DatabaseError):
            failing = Checkpoint.objects.filter(projection=projection.name, space=LIVE, shard=number)
            failing.update(last_error=f"{type(error).__name__}: {error}", failures=F("failures") + 1)
        raise


@worker_ready.connect
def _sweep_at_start(**signal: Any) -> None:
    sweep.apply_async(retry=False)


def _shard_count(projection: Projection) -> int:
    """As of a moment ago: a bell that is rung for a shard that is gone wakes all there are."""
    looked, of = _known.get(projection.name, (0.0, 0))
    if time.monotonic() - looked > KNOWN_SECONDS:
        of = Checkpoint.objects.filter(projection=projection.name, space=LIVE).count() or projection.shards
        _known[projection.name] = time.monotonic(), of
    return of


def _build_bell(name: str) -> Bell:
    return Bell(f"build:{name}", build, (name,))


def _bell(name: str, number: int, of: int) -> Bell:
    return Bell(f"projection:{name}/{number}", project, (name, number, of))
