"""A doorbell: wakes a worker by a message that carries nothing, at most one of which waits however often it is rung."""

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


def _key(name: str) -> str:
    return f"bell:{name}"
