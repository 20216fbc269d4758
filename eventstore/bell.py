"""A doorbell: wakes a worker by a message that carries nothing, at most one of which waits however often it is rung.

And how long a worker leaves alone what has failed.
"""

from datetime import timedelta
from typing import Any

from django.core.cache import cache

SECONDS = 30  # a bell that nobody heard may be rung again after this


def ring(name: str, task: Any, *args: object, **options: object) -> None:
    """Wake a worker with `task(*args)`, unless one was rung for already. Raises what a broker that is down raises."""
    if cache.add(_key(name), 1, SECONDS):
        task.apply_async(args, retry=False, **options)


def heard(name: str) -> None:
    """Whoever was woken says so before reading what there is to do: whoever comes from now on rings anew."""
    cache.delete(_key(name))


def pause(attempts: int, *, longest: timedelta) -> timedelta:
    """Before another attempt: 2 s, 4 s, 8 s … up to `longest`."""
    return min(timedelta(seconds=2 ** min(attempts, 30)), longest)


def _key(name: str) -> str:
    return f"bell:{name}"
