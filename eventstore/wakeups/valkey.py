"""The connection to Valkey (or Redis) of this process."""

from functools import cache

import redis
from django.conf import settings


def client() -> "redis.Redis":
    """Connections are made when they are needed, kept, and given up soon where nobody answers."""
    return _client(settings.REDIS_URL)


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=5)
