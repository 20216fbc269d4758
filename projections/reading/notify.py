"""Notify the row cache, and the readers that wait for a row, that rows of a read model change."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction

from eventstore.wakeups import valkey
from projections.engine.projection import Projection
from projections.reading import row_cache

MANY = 50  # with more rows in a batch, only the channels that have a listener are told


def row_channel(projection: str, aggregate_id: UUID | str) -> str:
    """Return the Valkey channel of one row: it gets a message when the row has changed."""
    return f"ordersite:shown:{projection}:{aggregate_id}"


def any_row_channel(projection: str) -> str:
    """Return the Valkey channel of all rows of a projection: it gets one message for each batch."""
    return f"ordersite:shown:{projection}"


def announce(projection: Projection, versions: Mapping[UUID, int]) -> None:
    """Announce that the current transaction changes the rows of these aggregates, to these versions.

    The cache drops the rows before the commit, so that a crash cannot leave an old row in it. If Valkey is down, this
    raises RedisError, and the transaction is tried again later. Waiting readers are notified after the commit.
    """
    announce_all([(projection, versions)])


def announce_all(changes: Sequence[tuple[Projection, Mapping[UUID, int]]]) -> None:
    """As `announce`, for several projections in one transaction. One round trip notifies all waiting readers."""
    changes = [(projection, versions) for projection, versions in changes if versions]
    cached = [(projection.name, versions) for projection, versions in changes if projection.cached]
    for name, versions in cached:
        row_cache.invalidate(name, versions)

    def publish() -> None:
        client = valkey.client()
        channels: set[bytes] = set()
        for projection, versions in changes:
            own = {row_channel(projection.name, aggregate_id).encode() for aggregate_id in versions}
            if len(versions) > MANY:  # a reader that subscribes after this reads the row again, and finds the change
                own.intersection_update(client.pubsub_channels(row_channel(projection.name, "*")))
            channels |= own
        pipeline = client.pipeline(transaction=False)
        for each in channels:
            pipeline.publish(each, "")
        for projection, _ in changes:
            pipeline.publish(any_row_channel(projection.name), "")
        pipeline.execute()
        for name, versions in cached:
            row_cache.invalidate(name, versions)  # again: an old row may have been cached at this version

    if changes:
        transaction.on_commit(publish, robust=True)
