"""The doorbell: a commit wakes the workers, and a sweep finds what a lost message did not announce.

Messages carry a projection's name and nothing else. One at most waits for each projection, however fast commits come.
"""

import logging
import time
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.utils import timezone

from eventstore import bell, store
from eventstore.bell import Bell
from projections.checkpoints import Checkpoint
from projections.engine import PROJECTIONS, Progress, catch_up, projection_named

log = logging.getLogger(__name__)

HELD_BACK_SECONDS = 2.0  # how long a worker stays near when writers hold back a part of the log
BUSY_SECONDS = 0.2  # until a worker looks again at a projection that somebody else was working on
SWEPT = "projections:swept"


def ring(sender: Any = None, **signal: Any) -> None:
    """Wake every projection that was not woken already. Receives `events_appended`."""
    bell.ring(*map(_bell, PROJECTIONS))


@shared_task
def project(name: str) -> None:
    """Bring one projection level with the log; where somebody else is at it, come back in a moment."""
    bell.heard(_bell(name))
    if _catch_up_near(name).busy:
        bell.ring(_bell(name), countdown=BUSY_SECONDS)


@shared_task
def sweep() -> None:
    """Catch up whatever is behind, whether or not a message came. One projection's trouble is not the others'."""
    latest = store.latest_position()
    positions = dict(Checkpoint.objects.values_list("name", "position"))
    for name in PROJECTIONS:
        if positions.get(name, 0) < latest:
            try:
                _catch_up_near(name)
            except Exception:
                log.exception("the sweep cannot bring %s level", name)
    cache.set(SWEPT, timezone.now().isoformat(), timeout=None)


def _catch_up_near(name: str) -> Progress:
    """Catch up, and stay near for a moment while writers hold back a part of the log."""
    projection = projection_named(name)
    deadline = time.monotonic() + HELD_BACK_SECONDS
    try:
        while True:
            progress = catch_up(projection, wait=False)
            if progress.settled or time.monotonic() > deadline:
                return progress
            time.sleep(0.005)  # one that took an earlier position is about to commit, or to roll back unheard
    except Exception as error:
        if not isinstance(error, DatabaseError):
            Checkpoint.objects.filter(name=name).update(last_error=f"{type(error).__name__}: {error}")
        raise


@worker_ready.connect
def _sweep_at_start(**signal: Any) -> None:
    sweep.apply_async(retry=False)


def _bell(name: str) -> Bell:
    return Bell(f"projection:{name}", project, (name,))
