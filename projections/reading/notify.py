"""Tell readers that a read model changed: those who wait for a row, and the cache."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction

from eventstore.wakeups import valkey
from projections.engine.projection import Projection
from projections.reading import row_cache

MANY = 50  # rows of a batch from which it is asked who listens at all


def row_channel(projection: str, aggregate_id: UUID | str) -> str:
    """Where it is told that a row shows more."""
    return f"ordersite:shown:{projection}:{aggregate_id}"


def any_row_channel(projection: str) -> str:
    """The channel on which it is told, once a batch, that some row shows more."""
    return f"ordersite:shown:{projection}"


def announce(projection: Projection, versions: Mapping[UUID, int]) -> None:
    """Called in the transaction that changes the rows of these aggregates, to these versions.

    The cache forgets them before the commit, so that no crash leaves an old row in it; raises RedisError where it
    cannot, and the transaction is tried again later. Who waits is told after the commit, where somebody listens.
    """
    announce_all([(projection, versions)])


def announce_all(changes: Sequence[tuple[Projection, Mapping[UUID, int]]]) -> None:
    """As `announce`, of several projections that the transaction changes. Whoever waits is told with one round trip."""
    changes = [(projection, versions) for projection, versions in changes if versions]
    kept = [(projection.name, versions) for projection, versions in changes if projection.cached]
    for name, versions in kept:
        row_cache.invalidate(name, versions)

    def tell() -> None:
        client = valkey.client()
        channels: set[bytes] = set()
        for projection, versions in changes:
            named = {row_channel(projection.name, aggregate_id).encode() for aggregate_id in versions}
            if len(versions) > MANY:  # who begins to listen only now looks at the row afterwards, and finds it
                named.intersection_update(client.pubsub_channels(row_channel(projection.name, "*")))
            channels |= named
        told = client.pipeline(transaction=False)
        for each in channels:
            told.publish(each, "")
        for projection, _ in changes:
            told.publish(any_row_channel(projection.name), "")
        told.execute()
        for name, versions in kept:
            row_cache.invalidate(name, versions)  # what was read a moment before the commit at the same version

    if changes:
        transaction.on_commit(tell, robust=True)
