"""Tell readers that a read model changed: those who wait for a row, and the cache."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from eventstore import valkey
from projections import cached
from projections.projection import Projection

MANY = 50  # rows of a batch from which it is asked who listens at all


def channel(projection: str, aggregate_id: UUID | str) -> str:
    """Where it is told that a row shows more."""
    return f"ordersite:shown:{projection}:{aggregate_id}"


def any_row(projection: str) -> str:
    """The channel on which it is told, once a batch, that some row shows more."""
    return f"ordersite:shown:{projection}"


def announce(projection: Projection, versions: Mapping[UUID, int]) -> None:
    """Called in the transaction that changes the rows of these aggregates, to these versions.

    The cache forgets them before the commit, so that no crash leaves an old row in it; raises RedisError where it
    cannot, and the transaction is tried again later. Who waits is told after the commit, where somebody listens.
    """
    if projection.cached:
        cached.forget(projection.name, versions)

    def tell() -> None:
        client = valkey.client()
        channels = {channel(projection.name, aggregate_id).encode() for aggregate_id in versions}
        if len(versions) > MANY:  # who begins to listen only now looks at the row afterwards, and finds it
            channels = channels.intersection(client.pubsub_channels(channel(projection.name, "*")))
        told = client.pipeline(transaction=False)
        for each in channels:
            told.publish(each, "")
        told.publish(any_row(projection.name), "")
        told.execute()
        if projection.cached:
            cached.forget(projection.name, versions)  # what was read a moment before the commit at the same version

    if versions:
        transaction.on_commit(tell, robust=True)
