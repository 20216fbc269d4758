"""The connection of this process to Valkey (or Redis)."""

from functools import cache

import redis
from django.conf import settings


def client() -> "redis.Redis":
    """Return the client of this process.

    It opens connections when they are needed and reuses them. Connecting times out after 1 s, a command after 5 s.
    """
    return _client(settings.REDIS_URL)


def broker() -> "redis.Redis | None":
    """Return the client of the broker, if it is a Redis server. Often it is the server of the cache."""
    url = settings.BROKER_REDIS_URL
    return client() if url == "" else _client(url) if url else None


@cache
def _client(url: str) -> "redis.Redis":
    timeouts = {"socket_timeout": 5} if url.startswith("unix:") else {"socket_timeout": 5, "socket_connect_timeout": 1}
    return redis.Redis.from_url(url, **timeouts)
