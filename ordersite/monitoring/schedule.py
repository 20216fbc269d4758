"""When each scheduled task was last done, and which of them are overdue.

Beat sends the tasks of CELERY_BEAT_SCHEDULE. A message expires if no worker takes it before the next one is due. So a
task can stay undone for ever although beat and a worker run. The times are kept in the cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache as memoize
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

GRACE = timedelta(seconds=60)  # by which a task may be late, besides one turn that it missed
_STARTED = "schedule:worker-started"


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """An entry of CELERY_BEAT_SCHEDULE: how often it is due, and when a worker last did it (None: never)."""

    name: str
    every: timedelta
    done_at: datetime | None
    expected_since: datetime | None
    """From when on it should have been done: its last time, or the start of the worker if that was later."""

    @property
    def is_overdue(self) -> bool:
        """Return whether it missed a turn and the grace time."""
        return self.expected_since is not None and timezone.now() - self.expected_since > 2 * self.every + GRACE


def scheduled_tasks() -> Iterator[ScheduledTask]:
    """Yield every scheduled task. Raises RedisError if the cache does not answer."""
    entries: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    times = {key: datetime.fromisoformat(text) for key, text in cache.get_many([_STARTED, *map(_key, entries)]).items()}
    for name, entry in entries.items():
        done_at = times.get(_key(name))
        known = [moment for moment in (done_at, times.get(_STARTED)) if moment]
        yield ScheduledTask(name, timedelta(seconds=entry["schedule"]), done_at, max(known, default=None))


def record_worker_start() -> None:
    """Record that a worker has started: a site that was down is not late with what was due meanwhile."""
    cache.set(_STARTED, timezone.now().isoformat(), timeout=None)


def record_done(task: str) -> None:
    """Record that a task, given by its wire name, was done without an error. Ignores tasks without a schedule."""
    name = _entries_by_task().get(task)
    if name:
        cache.set(_key(name), timezone.now().isoformat(), timeout=None)


def _key(name: str) -> str:
    return f"schedule:{name}"


@memoize
def _entries_by_task() -> dict[str, str]:
    entries: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    return {entry["task"]: name for name, entry in entries.items()}
