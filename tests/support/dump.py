"""What the two servers hold, as text."""

from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import connection


def dump() -> str:
    """Return every row of every table in every schema, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        tables = [name for (name,) in cursor.fetchall()]
        rows = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows)


def valkey() -> str:
    """Return every key and value of Valkey as text."""
    client: Any = redis.Redis.from_url(settings.REDIS_URL)
    read: dict[bytes, Callable[[bytes], object]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    return "\n".join(f"{key!r} {read[client.type(key)](key)!r}" for key in client.scan_iter())


def found_in_servers(words: dict[str, str]) -> dict[str, str]:
    """Return the words, with what they are about, that are in one of the servers, in the clear or as bytes."""
    text = (dump() + valkey()).lower()
    return {word: where for word, where in words.items() if word in text or word.encode().hex() in text}
