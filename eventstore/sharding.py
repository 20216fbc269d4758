"""Divide the feed into shards by aggregate. All events of an aggregate are in one shard, so they stay in order."""

from typing import Any, NamedTuple
from uuid import UUID


class Shard(NamedTuple):
    """Shard `number` of `shard_count`, counted from 0.

    Events of the types `types_in_every_shard` (wire names) belong to every shard.
    """

    number: int = 0
    shard_count: int = 1
    types_in_every_shard: tuple[str, ...] = ()

    def holds(self, aggregate_id: UUID) -> bool:
        """Return whether the aggregate belongs to this shard."""
        return shard_of(aggregate_id, self.shard_count) == self.number

    def takes(self, aggregate_id: UUID, event_type: str) -> bool:
        """Return whether an event belongs to this shard."""
        return self.shard_count == 1 or self.holds(aggregate_id) or event_type in self.types_in_every_shard


WHOLE = Shard()
"""The only shard of an undivided feed."""


def shard_of(aggregate_id: UUID, shard_count: int) -> int:
    """Return the number of an aggregate's shard.

    Uses the last two bytes of the id, which are random in every UUID version used here (RFC 9562).
    """
    return (aggregate_id.int & 0xFFFF) % shard_count


# The same in SQL, for an event `e`. Its parameters are `in_shard_values`.
IN_SHARD = """(%s = 1 OR (get_byte(uuid_send(e.aggregate_id), 14) * 256 + get_byte(uuid_send(e.aggregate_id), 15))
 %% %s = %s OR e.event_type = ANY(%s))"""


def in_shard_values(shard: Shard) -> tuple[Any, ...]:
    """Return the parameters of `IN_SHARD`."""
    return shard.shard_count, shard.shard_count, shard.number, list(shard.types_in_every_shard)
