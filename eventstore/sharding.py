"""Which shard of a feed an aggregate belongs to: all of its events are in one, so their order is kept."""

from typing import Any, NamedTuple
from uuid import UUID


class Shard(NamedTuple):
    """Shard `number` of `of`, counted from 0. Events of the wire names `types_in_every_shard` are in all shards."""

    number: int = 0
    of: int = 1
    types_in_every_shard: tuple[str, ...] = ()

    def holds(self, aggregate_id: UUID) -> bool:
        """Whether this aggregate is one of the shard's own."""
        return shard_of(aggregate_id, self.of) == self.number


WHOLE = Shard()


def shard_of(aggregate_id: UUID, of: int) -> int:
    """By the last two bytes, which are random in ids of every version that is used here (RFC 9562)."""
    return (aggregate_id.int & 0xFFFF) % of


# The same in SQL, of an event `e`; takes: of, of, number, types_in_every_shard.
IN_SHARD = """(%s = 1 OR (get_byte(uuid_send(e.aggregate_id), 14) * 256 + get_byte(uuid_send(e.aggregate_id), 15))
 %% %s = %s OR e.event_type = ANY(%s))"""


def in_shard(shard: Shard) -> tuple[Any, ...]:
    """The values that `IN_SHARD` takes."""
    return shard.of, shard.of, shard.number, list(shard.types_in_every_shard)
