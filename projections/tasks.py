"""The doorbell: a commit wakes the workers, and a sweep finds what a lost message did not announce.

Messages carry a projection's name and a shard, and nothing else. One at most waits for each, however fast commits come.
"""

import logging
import time
from collections.abc import Collection
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
from projections import background, drift, engine
from projections.checkpoints import LIVE, Checkpoint
from projections.engine import Progress, Work
from projections.filling import RebuildCancelled, RebuildPaused
from projections.projection import PROJECTIONS, Projection, projection_named
from projections.rebuild import RebuildRunning

log = logging.getLogger(__name__)

HELD_BACK_SECONDS = 2.0  # how long a worker stays near when writers hold back a part of the log
BUSY_SECONDS = 0.2  # until a worker looks again at a shard that somebody else was working on
SLICE_SECONDS = 20.0  # after which a worker that is not level yet lets other work come first
KNOWN_SECONDS = 5.0  # for which a process remembers into how many shards a projection is divided
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
        background.go_on(projection_named(name))
    except (RebuildRunning, RebuildPaused, RebuildCancelled) as reason:
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
    if settings.REBUILD_BY_ITSELF:
        background.begin_what_is_wanted()
    for name in background.at_work():  # whoever was at it may have died
        ring_build(name)
    cache.set(SWEPT, timezone.now().isoformat(), timeout=None)


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
