"""Which shard of a feed an aggregate belongs to: all of its events are in one, so their order is kept."""

from typing import Any, NamedTuple
from uuid import UUID


class Shard(NamedTuple):
    """One of `of` parts of the log, counted from 0; `everywhere`: the wire names of events that come in all of them."""

    number: int = 0
    of: int = 1
    everywhere: tuple[str, ...] = ()

    def holds(self, aggregate_id: UUID) -> bool:
        """Whether this aggregate is one of the shard's own."""
        return shard_of(aggregate_id, self.of) == self.number


WHOLE = Shard()


def shard_of(aggregate_id: UUID, of: int) -> int:
    """By the last two bytes, which are random in ids of every version that is used here (RFC 9562)."""
    return (aggregate_id.int & 0xFFFF) % of


# The same in SQL, of an event `e`; takes: of, of, number, everywhere.
IN_SHARD = """(%s = 1 OR (get_byte(uuid_send(e.aggregate_id), 14) * 256 + get_byte(uuid_send(e.aggregate_id), 15))
 %% %s = %s OR e.event_type = ANY(%s))"""


def in_shard(shard: Shard) -> tuple[Any, ...]:
    """The values that `IN_SHARD` takes."""
    return shard.of, shard.of, shard.number, list(shard.everywhere)
