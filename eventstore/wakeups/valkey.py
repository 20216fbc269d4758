"""The connection of this process to Valkey (or Redis)."""

from functools import cache

import redis
from django.conf import settings


def client() -> "redis.Redis":
    """Return the client of this process.

    It opens connections when they are needed and reuses them. Connecting times out after 1 s, a command after 5 s.
    """
    return _client(settings.REDIS_URL)


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=5)
