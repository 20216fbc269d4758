"""Hot rows, kept for readers in Valkey as they are answered, and never older than what was committed.

The worker puts up a *floor* before it commits: from then on no older version is kept, and what was kept is gone. A
reader keeps what it read only where nobody forgot the row since it looked (its *lease*). Where Valkey does not answer,
readers ask the database.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from redis.exceptions import RedisError

from eventstore.wakeups import valkey

log = logging.getLogger(__name__)

SECONDS = 15  # how long a row is kept; bounds what a Valkey that lost its last moments could still show
FLOOR_SECONDS = 120  # longer than any reader takes from its lease to its answer

LOOKUP_SCRIPT = """
local function look(row, epoch)
  local kept, now = redis.call('HMGET', row, 'body', 'lease', 'epoch'), redis.call('GET', epoch)
  return {(kept[3] or '') == (now or '') and kept[1], kept[2], now}
end
"""
"""For a script that asks something else too: `look` with the keys of `keys_of` gives what `found` takes."""
_LOOK = LOOKUP_SCRIPT + "return look(KEYS[1], KEYS[2])"
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


def look_up(projection: str, row: UUID) -> Lease:
    """What is kept of a row. One round trip."""
    try:
        return lease_from(projection, row, valkey.client().register_script(_LOOK)(keys=keys_of(projection, row)))
    except RedisError as error:
        log.warning("the cache does not answer, the database is asked: %s", error)
        return Lease(projection, row, asked=False)


def keys_of(projection: str, row: UUID) -> list[str]:
    return [_key(projection, row), _epoch(projection)]


def lease_from(projection: str, row: UUID, told: Sequence[bytes | None]) -> Lease:
    """What Valkey told of a row."""
    body, lease, epoch = told
    return Lease(projection, row, body, lease or b"", epoch or b"")


def store(lease: Lease, version: int, body: bytes) -> bool:
    """Keep what was read under this lease; says whether it was still valid."""
    if not lease.asked:
        return False
    keys = keys_of(lease.projection, lease.row)
    try:
        script = valkey.client().register_script(_KEEP)
        return bool(script(keys=keys, args=[version, lease.lease, lease.epoch, body, SECONDS]))
    except RedisError as error:
        log.warning("a row could not be cached: %s", error)
        return False


def invalidate(projection: str, versions: Mapping[UUID, int]) -> None:
    """These rows change, to these versions. Raises RedisError."""
    told = valkey.client().pipeline(transaction=False)
    for row, version in versions.items():  # with its text: a registered script costs a pipeline another round trip
        told.eval(_FORGET, 1, _key(projection, row), version, uuid4().hex, FLOOR_SECONDS)
    told.execute()


def invalidate_all(projection: str) -> None:
    """Every row may have changed. Raises RedisError."""
    valkey.client().set(_epoch(projection), uuid4().hex)


def _key(projection: str, row: UUID) -> str:
    return f"ordersite:row:{projection}:{row}"


def _epoch(projection: str) -> str:
    return f"ordersite:epoch:{projection}"
