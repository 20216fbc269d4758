"""Hot rows, kept for readers in Valkey as they are answered, and never older than what was committed.

The worker puts up a *floor* before it commits: from then on no older version is kept, and what was kept is gone. A
reader keeps what it read only where nobody forgot the row since it looked (its *lease*). Where Valkey does not answer,
readers ask the database.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from redis.exceptions import RedisError

from eventstore import valkey

log = logging.getLogger(__name__)

SECONDS = 15  # how long a row is kept; bounds what a Valkey that lost its last moments could still show
FLOOR_SECONDS = 120  # longer than any reader takes from its lease to its answer

_FORGET = """
redis.call('HDEL', KEYS[1], 'body')
redis.call('HSET', KEYS[1], 'floor', ARGV[1], 'lease', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
_KEEP = """
local known = redis.call('HMGET', KEYS[1], 'floor', 'lease')
if (known[1] and tonumber(known[1]) > tonumber(ARGV[1])) or (known[2] or '') ~= ARGV[2] then return 0 end
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'body', ARGV[4], 'epoch', ARGV[3], 'lease', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a reader found, and the right to keep what it reads instead; `body` is None where nothing is kept."""

    projection: str
    row: UUID
    body: bytes | None = None
    lease: bytes = b""
    epoch: bytes = b""
    asked: bool = True


def look(projection: str, row: UUID) -> Lease:
    """What is kept of a row. One round trip."""
    asked = valkey.client().pipeline(transaction=False)
    asked.hmget(_key(projection, row), ["body", "lease", "epoch"])
    asked.get(_epoch(projection))
    try:
        (body, lease, kept_in), epoch = asked.execute()
    except RedisError as error:
        log.warning("the cache does not answer, the database is asked: %s", error)
        return Lease(projection, row, asked=False)
    current = body if (kept_in or b"") == (epoch or b"") else None
    return Lease(projection, row, current, lease or b"", epoch or b"")


def keep(lease: Lease, version: int, body: bytes) -> bool:
    """Keep what was read under this lease; says whether it was still valid."""
    if not lease.asked:
        return False
    keys = [_key(lease.projection, lease.row), _epoch(lease.projection)]
    try:
        script = valkey.client().register_script(_KEEP)
        return bool(script(keys=keys, args=[version, lease.lease, lease.epoch, body, SECONDS]))
    except RedisError as error:
        log.warning("a row could not be cached: %s", error)
        return False


def forget(projection: str, versions: Mapping[UUID, int]) -> None:
    """These rows change, to these versions. Raises RedisError."""
    told = valkey.client().pipeline(transaction=False)
    for row, version in versions.items():  # with its text: a registered script costs a pipeline another round trip
        told.eval(_FORGET, 1, _key(projection, row), version, uuid4().hex, FLOOR_SECONDS)
    told.execute()


def forget_all(projection: str) -> None:
    """Every row may have changed. Raises RedisError."""
    valkey.client().set(_epoch(projection), uuid4().hex)


def _key(projection: str, row: UUID) -> str:
    return f"ordersite:row:{projection}:{row}"


def _epoch(projection: str) -> str:
    return f"ordersite:epoch:{projection}"
