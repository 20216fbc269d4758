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

from eventstore import store
from projections.checkpoints import Checkpoint
from projections.engine import PROJECTIONS, catch_up, projection_named

log = logging.getLogger(__name__)

BELL_SECONDS = 30  # a bell that nobody heard may be rung again after this
HELD_BACK_SECONDS = 2.0  # how long a worker stays near when writers hold back a part of the log
SWEPT = "projections:swept"


def ring(sender: Any = None, **signal: Any) -> None:
    """Wake every projection that was not woken already. Receives `events_appended`."""
    for name in PROJECTIONS:
        if cache.add(_bell(name), 1, BELL_SECONDS):
            project.apply_async((name,), retry=False)


@shared_task
def project(name: str) -> None:
    """Bring one projection level with the log."""
    cache.delete(_bell(name))  # before reading: whoever commits from now on rings anew
    projection = projection_named(name)
    try:
        deadline = time.monotonic() + HELD_BACK_SECONDS
        while not catch_up(projection).settled and time.monotonic() < deadline:
            time.sleep(0.005)  # a writer that took an earlier position is about to commit, or to roll back unheard
    except Exception as error:
        if not isinstance(error, DatabaseError):
            Checkpoint.objects.filter(name=name).update(last_error=f"{type(error).__name__}: {error}")
        raise


@shared_task
def sweep() -> None:
    """Catch up whatever is behind, whether or not a message came."""
    latest = store.latest_position()
    positions = dict(Checkpoint.objects.values_list("name", "position"))
    for name in PROJECTIONS:
        if positions.get(name, 0) < latest:
            project(name)
    cache.set(SWEPT, timezone.now().isoformat(), timeout=None)


@worker_ready.connect
def _sweep_at_start(**signal: Any) -> None:
    sweep.apply_async(retry=False)


def _bell(name: str) -> str:
    return f"projections:bell:{name}"
