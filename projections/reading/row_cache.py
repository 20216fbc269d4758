"""The row cache: answers about single rows in Valkey, never older than what was committed.

Before a worker commits a change of a row, it drops the cached answer and raises the row's *floor*: from then on no
older version is cached. A reader that finds nothing cached gets a *lease*, and may cache what it reads under this lease
unless the row was invalidated meanwhile. An *epoch* belongs to a whole projection: when it changes, no cached row of
the projection counts any more. If Valkey is down, readers query the database.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from redis.exceptions import RedisError

from eventstore.wakeups import valkey

log = logging.getLogger(__name__)

SECONDS = 15  # how long a row is cached; limits the harm if Valkey restarts and loses its last writes
FLOOR_SECONDS = 120  # longer than any reader takes from its lease to its `store`

LOOKUP_SCRIPT = """
local function look(row, epoch)
  local cached, now = redis.call('HMGET', row, 'body', 'lease', 'epoch'), redis.call('GET', epoch)
  return {(cached[3] or '') == (now or '') and cached[1], cached[2], now}
end
"""
"""A Lua function for scripts that also do other work: `look` takes the keys of `keys_of` and returns what `lease_from`
takes.
"""
_LOOK_UP = LOOKUP_SCRIPT + "return look(KEYS[1], KEYS[2])"
_INVALIDATE = """
redis.call('HDEL', KEYS[1], 'body')
redis.call('HSET', KEYS[1], 'floor', ARGV[1], 'lease', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
_STORE = """
local stored = redis.call('HMGET', KEYS[1], 'floor', 'lease')
if (stored[1] and tonumber(stored[1]) > tonumber(ARGV[1])) or (stored[2] or '') ~= ARGV[2] then return 0 end
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'body', ARGV[4], 'epoch', ARGV[3], 'lease', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """The cached answer of a row, or the right to cache it.

    `body` is the answer, or None if none is cached. `lease` and `epoch` are the tokens at the time of the look-up.
    `asked` is false if Valkey is down: then nothing can be cached.
    """

    projection: str
    row: UUID
    body: bytes | None = None
    lease: bytes = b""
    epoch: bytes = b""
    asked: bool = True


def look_up(projection: str, row: UUID) -> Lease:
    """Look up a row in the cache, with one round trip."""
    try:
        return lease_from(projection, row, valkey.client().register_script(_LOOK_UP)(keys=keys_of(projection, row)))
    except RedisError as error:
        log.warning("the row cache does not answer; querying the database: %s", error)
        return Lease(projection, row, asked=False)


def keys_of(projection: str, row: UUID) -> list[str]:
    """Return the Valkey keys of a row and of its projection's epoch, for LOOKUP_SCRIPT."""
    return [_key(projection, row), _epoch(projection)]


def lease_from(projection: str, row: UUID, reply: Sequence[bytes | None]) -> Lease:
    """Return the lease from the reply of LOOKUP_SCRIPT."""
    body, lease, epoch = reply
    return Lease(projection, row, body, lease or b"", epoch or b"")


def store(lease: Lease, version: int, body: bytes) -> bool:
    """Cache the answer that was read under this lease. Return whether the lease was still valid."""
    if not lease.asked:
        return False
    keys = keys_of(lease.projection, lease.row)
    try:
        script = valkey.client().register_script(_STORE)
        return bool(script(keys=keys, args=[version, lease.lease, lease.epoch, body, SECONDS]))
    except RedisError as error:
        log.warning("a row could not be cached: %s", error)
        return False


def invalidate(projection: str, versions: Mapping[UUID, int]) -> None:
    """Drop the cached answers of rows that change to these versions, and end their leases. Raises RedisError."""
    pipeline = valkey.client().pipeline(transaction=False)
    for row, version in versions.items():  # `eval`, because a registered script costs another round trip
        pipeline.eval(_INVALIDATE, 1, _key(projection, row), version, uuid4().hex, FLOOR_SECONDS)
    pipeline.execute()


def invalidate_all(projection: str) -> None:
    """Drop all cached answers of a projection by changing its epoch. Raises RedisError."""
    valkey.client().set(_epoch(projection), uuid4().hex)


def _key(projection: str, row: UUID) -> str:
    return f"ordersite:row:{projection}:{row}"


def _epoch(projection: str) -> str:
    return f"ordersite:epoch:{projection}"
