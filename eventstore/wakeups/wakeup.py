"""A doorbell: wakes a worker by a message that carries nothing, at most one of which waits however often it is rung.

And how long a worker leaves alone what has failed.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from eventstore.wakeups import celery_broker, valkey
from eventstore.wakeups.celery_broker import Message

PENDING_SECONDS = 30  # a bell that nobody heard may be rung again after this
RUNNING_SECONDS = 5  # and one whose worker does not say any more that it is at work
_RUNNING = b"at work"

Listener = Callable[[Collection[UUID] | None], Iterable["Wakeup"]]
"""Given the aggregates that have new events (None: any may), names the bells to ring."""

_first_wave: list[Listener] = []
_second_wave: list[Listener] = []


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A task to wake, and its arguments; `name` is what at most one message waits for."""

    name: str
    task: Any
    arguments: tuple[object, ...] = ()

    @property
    def key(self) -> str:
        return f"ordersite:bell:{self.name}"


def wake(*bells: Wakeup, countdown: float | None = None) -> None:
    """Wake a worker for each of these, unless one was rung for already. One round trip where all were.

    With `countdown` it is woken after so many seconds. Raises RedisError where the broker is down.
    """
    if bells:
        asked = valkey.client().pipeline(transaction=False)
        for bell in bells:
            asked.set(bell.key, b"rung", nx=True, ex=PENDING_SECONDS)
        rung = [bell for bell, is_first in zip(bells, asked.execute(), strict=True) if is_first]
        celery_broker.send(*(Message(bell.task, bell.arguments, countdown) for bell in rung))


def register_first_wave(listener: Listener) -> None:
    """Have the bells that `listener` names rung whenever events were appended."""
    _first_wave.append(listener)


def register_second_wave(listener: Listener) -> None:
    """The same, by whoever was woken first, once what somebody may be waiting for is done: `ring_later`."""
    _second_wave.append(listener)


def wake_first_wave(sender: Any = None, *, aggregate_ids: Collection[UUID] | None = None, **news: Any) -> None:
    """Receives `events_appended`: whoever listens is woken, with one round trip for all."""
    wake(*(bell for listener in _first_wave or _second_wave for bell in listener(aggregate_ids)))


def wake_second_wave(*, countdown: float | None = None) -> None:
    """Wake those who were not woken by the commit itself."""
    wake(*(bell for listener in _second_wave for bell in listener(None)), countdown=countdown)


def acknowledge(bell: Wakeup) -> None:
    """Whoever was woken says so before reading what there is to do: whoever comes from now on rings anew."""
    valkey.client().delete(bell.key)


def mark_running(bell: Wakeup) -> None:
    """Whoever was woken will look again by itself, so that nobody has to ring; until `heard`, or for a few seconds."""
    valkey.client().set(bell.key, _RUNNING, ex=RUNNING_SECONDS)


def is_running(bell: Wakeup) -> bool:
    """Whether somebody says so."""
    return bool(valkey.client().get(bell.key) == _RUNNING)


def claim_running(bell: Wakeup) -> bool:
    """After `heard`: whether to go on, `at_work` as before; otherwise somebody rang, and a message is on its way."""
    return bool(valkey.client().set(bell.key, _RUNNING, nx=True, ex=RUNNING_SECONDS))


def retry_delay(attempts: int, *, longest: timedelta) -> timedelta:
    """Before another attempt: 2 s, 4 s, 8 s … up to `longest`."""
    return min(timedelta(seconds=2 ** min(attempts, 30)), longest)
