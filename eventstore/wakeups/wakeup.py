"""Wake workers by messages without data. For each wake-up, at most one message waits in the broker.

A key in Valkey holds the state of each wake-up. Without a key, the next `wake` sends a message. Pending: a message
waits. Running: the woken worker will look at the log again by itself. In these two states `wake` sends nothing.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from eventstore.wakeups import celery_broker, valkey
from eventstore.wakeups.celery_broker import Message

PENDING_SECONDS = 30  # after this, a message that no worker acknowledged may be sent again
RUNNING_SECONDS = 5  # after this, a worker that has stopped renewing its mark no longer counts as running
_PENDING = b"rung"  # the values of the key, as processes of older releases know them
_RUNNING = b"at work"

Listener = Callable[[Collection[UUID] | None], Iterable["Wakeup"]]
"""Takes the ids of the aggregates with new events (None: any aggregate) and returns the wake-ups to send."""

_first_wave: list[Listener] = []
_second_wave: list[Listener] = []


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A task to wake, and its arguments. At most one message waits for each `name`."""

    name: str
    task: Any
    arguments: tuple[object, ...] = ()

    @property
    def key(self) -> str:
        """Return the key in Valkey that says whether the wake-up is pending or running."""
        return f"ordersite:bell:{self.name}"


def wake(*wakeups: Wakeup, countdown: float | None = None) -> None:
    """Send a message for each wake-up, unless one is pending or running. If all are, this takes one round trip.

    With `countdown`, the task starts after that many seconds. Raises RedisError when the broker is down.
    """
    if wakeups:
        pipeline = valkey.client().pipeline(transaction=False)
        for wakeup in wakeups:
            pipeline.set(wakeup.key, _PENDING, nx=True, ex=PENDING_SECONDS)
        new = [wakeup for wakeup, was_set in zip(wakeups, pipeline.execute(), strict=True) if was_set]
        celery_broker.send(*(Message(wakeup.task, wakeup.arguments, countdown) for wakeup in new))


def register_first_wave(listener: Listener) -> None:
    """Send the wake-ups that `listener` returns after each commit that appended events."""
    _first_wave.append(listener)


def register_second_wave(listener: Listener) -> None:
    """Send the wake-ups that `listener` returns later: when a task of the first wave calls `wake_second_wave`.

    The first wave does what a person may wait for. Without a first wave, the commit itself sends the second.
    """
    _second_wave.append(listener)


def wake_first_wave(sender: Any = None, *, aggregate_ids: Collection[UUID] | None = None, **payload: Any) -> None:
    """Send the wake-ups of the first wave, with one round trip for all. Receives `events_appended`."""
    wake(*(wakeup for listener in _first_wave or _second_wave for wakeup in listener(aggregate_ids)))


def wake_second_wave(*, countdown: float | None = None) -> None:
    """Send the wake-ups of the second wave."""
    wake(*(wakeup for listener in _second_wave for wakeup in listener(None)), countdown=countdown)


def acknowledge(wakeup: Wakeup) -> None:
    """Allow the next message. A woken task calls this before it reads its work, so that later work is announced."""
    valkey.client().delete(wakeup.key)


def mark_running(wakeup: Wakeup) -> None:
    """Suppress messages because the task will look at the log again, until `acknowledge` or for RUNNING_SECONDS."""
    valkey.client().set(wakeup.key, _RUNNING, ex=RUNNING_SECONDS)


def is_running(wakeup: Wakeup) -> bool:
    """Return whether a task has marked the wake-up as running."""
    return bool(valkey.client().get(wakeup.key) == _RUNNING)


def claim_running(wakeup: Wakeup) -> bool:
    """Mark the wake-up as running again after `acknowledge`. Return false if a message was sent in between."""
    return bool(valkey.client().set(wakeup.key, _RUNNING, nx=True, ex=RUNNING_SECONDS))


def retry_delay(attempts: int, *, longest: timedelta) -> timedelta:
    """Return how long to wait before the next attempt: 2 s, 4 s, 8 s … up to `longest`."""
    return min(timedelta(seconds=2 ** min(attempts, 30)), longest)
