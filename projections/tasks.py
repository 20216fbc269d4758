"""The Celery tasks of projections. Their names are the wire names that messages and beat carry.

A commit wakes the tasks (`engine.wakeups`). The sweep finds the work that a lost message did not announce.
"""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from eventstore.storage import watch as log_watch
from eventstore.wakeups import wakeup
from projections.engine import joint_loop, shard_loop
from projections.engine.projection import PROJECTIONS, projection_named
from projections.monitoring import drift, gaps
from projections.rebuild import background
from projections.rebuild.fill import RebuildCancelled, RebuildPaused
from projections.rebuild.run import RebuildRunning

log = logging.getLogger(__name__)


@shared_task(name="projections.tasks.look")
def project_all() -> None:
    """Catch up all undivided projections together, and wake the other followers of the log."""
    joint_loop.run()


@shared_task(name="projections.tasks.project")
def project(name: str, number: int = 0, shard_count: int = 1) -> None:
    """Catch up one shard of one projection."""
    shard_loop.run(name, number, shard_count)


@shared_task(name="projections.tasks.build")
def build(name: str) -> None:
    """Go on with the background rebuild of one projection."""
    wakeup.acknowledge(background.rebuild_wakeup(name))
    try:
        background.resume(projection_named(name))
    except (RebuildRunning, RebuildPaused, RebuildCancelled) as reason:
        log.info("%s", reason)


@shared_task(name="projections.tasks.check_some")
def check_sample() -> None:
    """Check some aggregates at random for drift, and flag the rows that do not follow from the log."""
    for projection in PROJECTIONS.values():
        drift.look_for_drift(projection, count=settings.DRIFT_SAMPLE)


@shared_task(name="projections.tasks.watch")
def watch() -> None:
    """Check what the log relies on, and that each read model has taken every event that the log holds for it."""
    log_watch.look()
    gaps.look()


@shared_task(name="projections.tasks.sweep")
def sweep() -> None:
    """Catch up what is behind, begin the rebuilds that new code wants, and go on with those that a worker left."""
    shard_loop.sweep()
    if settings.REBUILD_BY_ITSELF:
        background.begin_wanted_rebuilds()
    for name in background.running_builds():  # the worker of such a rebuild may have died
        background.wake_rebuild(name)


@worker_ready.connect
def _sweep_at_start(**signal: Any) -> None:
    sweep.apply_async(retry=False)
