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

SECONDS = 30  # a bell that nobody heard may be rung again after this
AT_WORK_SECONDS = 5  # and one whose worker does not say any more that it is at work
_AT_WORK = b"at work"

Listener = Callable[[Collection[UUID] | None], Iterable["Bell"]]
"""Given the aggregates that have new events (None: any may), names the bells to ring."""

_first: list[Listener] = []
_later: list[Listener] = []


@dataclass(frozen=True, slots=True)
class Bell:
    """A task to wake, and its arguments; `name` is what at most one message waits for."""

    name: str
    task: Any
    arguments: tuple[object, ...] = ()

    @property
    def key(self) -> str:
        return f"ordersite:bell:{self.name}"


def ring(*bells: Bell, countdown: float | None = None) -> None:
    """Wake a worker for each of these, unless one was rung for already. One round trip where all were.

    With `countdown` it is woken after so many seconds. Raises RedisError where the broker is down.
    """
    if bells:
        asked = valkey.client().pipeline(transaction=False)
        for bell in bells:
            asked.set(bell.key, b"rung", nx=True, ex=SECONDS)
        rung = [bell for bell, is_first in zip(bells, asked.execute(), strict=True) if is_first]
        celery_broker.send(*(Message(bell.task, bell.arguments, countdown) for bell in rung))


def at_every_commit(listener: Listener) -> None:
    """Have the bells that `listener` names rung whenever events were appended."""
    _first.append(listener)


def after_the_first(listener: Listener) -> None:
    """The same, by whoever was woken first, once what somebody may be waiting for is done: `ring_later`."""
    _later.append(listener)


def ring_all(sender: Any = None, *, aggregate_ids: Collection[UUID] | None = None, **news: Any) -> None:
    """Receives `events_appended`: whoever listens is woken, with one round trip for all."""
    ring(*(bell for listener in _first or _later for bell in listener(aggregate_ids)))


def ring_later(*, countdown: float | None = None) -> None:
    """Wake those who were not woken by the commit itself."""
    ring(*(bell for listener in _later for bell in listener(None)), countdown=countdown)


def heard(bell: Bell) -> None:
    """Whoever was woken says so before reading what there is to do: whoever comes from now on rings anew."""
    valkey.client().delete(bell.key)


def at_work(bell: Bell) -> None:
    """Whoever was woken will look again by itself, so that nobody has to ring; until `heard`, or for a few seconds."""
    valkey.client().set(bell.key, _AT_WORK, ex=AT_WORK_SECONDS)


def is_at_work(bell: Bell) -> bool:
    """Whether somebody says so."""
    return bool(valkey.client().get(bell.key) == _AT_WORK)


def is_mine(bell: Bell) -> bool:
    """After `heard`: whether to go on, `at_work` as before; otherwise somebody rang, and a message is on its way."""
    return bool(valkey.client().set(bell.key, _AT_WORK, nx=True, ex=AT_WORK_SECONDS))


def pause(attempts: int, *, longest: timedelta) -> timedelta:
    """Before another attempt: 2 s, 4 s, 8 s … up to `longest`."""
    return min(timedelta(seconds=2 ** min(attempts, 30)), longest)
