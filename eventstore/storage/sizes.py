"""How large events are as they are stored: known without reading them, so that a reader can ask for a bounded page.

An event of an order may have thousands of lines. Its stored size is that of compressed JSON, a fraction of the text.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from uuid import UUID

from eventstore.sql import cursor

MOST_STORED = 500_000
"""The bytes of events, as they are stored, that one page reads. A page always has one event, however large."""


def sizes_at(positions: Sequence[int]) -> list[int]:
    """Return the stored bytes of the events at these positions, in log order."""
    with cursor() as opened:
        opened.execute(_AT, (list(positions),))
        return [size for (size,) in opened.fetchall()]


def sizes_after(position: int, *, limit: int, event_types: Sequence[str]) -> list[int]:
    """Return the stored bytes of the next events of these types after a position, in log order, at most `limit`."""
    with cursor() as opened:
        opened.execute(_AFTER, (position, list(event_types), limit))
        return [size for (size,) in opened.fetchall()]


def positions_of(aggregate_id: UUID, *, after_version: int, limit: int) -> list[tuple[int, int]]:
    """Return position and stored bytes of an aggregate's events after a version, oldest first, at most `limit`."""
    with cursor() as opened:
        opened.execute(_STREAM, (aggregate_id, after_version, limit))
        return list(opened.fetchall())


def pages_of(aggregate_ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    """Divide these aggregates into pages of at most MOST_STORED bytes of events, in order of their ids.

    One without events is left out.
    """
    with cursor() as opened:
        opened.execute(_STREAMS, (list(aggregate_ids),))
        left = opened.fetchall()
    while left:
        number = number_within([size for _, size in left], MOST_STORED)
        yield [aggregate_id for aggregate_id, _ in left[:number]]
        left = left[number:]


def number_within(sizes: Iterable[int], most: int) -> int:
    """Return how many of these sizes, from the first on, add up to at most `most`; at least 1."""
    return max(1, sum(total <= most for total in accumulate(sizes)))


_AT = "SELECT pg_column_size(event_data) FROM events WHERE position = ANY(%s) ORDER BY position"
_AFTER = """
SELECT pg_column_size(event_data) FROM events
 WHERE position > %s AND event_type = ANY(%s) ORDER BY position LIMIT %s
"""
_STREAMS = """
SELECT aggregate_id, sum(pg_column_size(event_data)) FROM events
 WHERE aggregate_id = ANY(%s) GROUP BY aggregate_id ORDER BY aggregate_id
"""
_STREAM = """
SELECT position, pg_column_size(event_data) FROM events
 WHERE aggregate_id = %s AND version > %s ORDER BY version LIMIT %s
"""
