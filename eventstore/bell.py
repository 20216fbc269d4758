"""A doorbell: wakes a worker by a message that carries nothing, at most one of which waits however often it is rung.

And how long a worker leaves alone what has failed.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from eventstore import valkey

SECONDS = 30  # a bell that nobody heard may be rung again after this


@dataclass(frozen=True, slots=True)
class Bell:
    """A task to wake, and its arguments; `name` is what at most one message waits for."""

    name: str
    task: Any
    arguments: tuple[object, ...] = ()

    @property
    def key(self) -> str:
        return f"ordersite:bell:{self.name}"


def ring(*bells: Bell, **options: object) -> None:
    """Wake a worker for each of these, unless one was rung for already. One round trip where all were.

    `options` are Celery's. Raises what a broker that is down raises.
    """
    asked = valkey.client().pipeline(transaction=False)
    for bell in bells:
        asked.set(bell.key, 1, nx=True, ex=SECONDS)
    for bell, is_first in zip(bells, asked.execute(), strict=True):
        if is_first:
            bell.task.apply_async(bell.arguments, retry=False, **options)


def heard(bell: Bell) -> None:
    """Whoever was woken says so before reading what there is to do: whoever comes from now on rings anew."""
    valkey.client().delete(bell.key)


def pause(attempts: int, *, longest: timedelta) -> timedelta:
    """Before another attempt: 2 s, 4 s, 8 s … up to `longest`."""
    return min(timedelta(seconds=2 ** min(attempts, 30)), longest)
