"""States of aggregates at a version, so that a long history is not replayed for each command.

Taken off the request's path, by a worker, when a command brings an aggregate past a multiple of `snapshot_every`.
"""

import logging
from functools import cache, reduce
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from celery import shared_task

from eventstore import codec, store
from eventstore.decider import Decider, decider_named
from eventstore.models import Snapshot

log = logging.getLogger(__name__)


@cache
def shape_of(decider: Decider[Any, Any, Any]) -> str:
    """Names the shape of a state: changes with its fields, their types, and the decider's `state_version`."""
    schema = msgspec.json.encode(msgspec.json.schema(type(decider.initial)), order="deterministic")
    return f"{decider.state_version}:{sha256(schema).hexdigest()[:32]}"


def state_of(decider: Decider[Any, Any, Any], past: store.History) -> Any:
    """The state after everything in `past`."""
    start = decider.initial
    if past.snapshot is not None:
        start = msgspec.json.decode(past.snapshot, type=type(decider.initial))
    return reduce(decider.evolve, past.events, start)


def is_due(decider: Decider[Any, Any, Any], before: int, after: int) -> bool:
    return after // decider.snapshot_every > before // decider.snapshot_every


def request(sender: Any = None, *, snapshots: dict[UUID, str], **news: Any) -> None:
    """Ask a worker for the snapshots that are due. Receives `events_appended`."""
    for aggregate_id, aggregate_type in snapshots.items():
        take.apply_async((aggregate_type, str(aggregate_id)), retry=False)


@shared_task(name="eventstore.snapshots.take")
def take(aggregate_type: str, aggregate_id: str) -> None:
    """Write the snapshot of an aggregate as it is now, unless a newer one is there."""
    decider, key = decider_named(aggregate_type), UUID(aggregate_id)
    past = store.history(key, shape=shape_of(decider))
    taken = Snapshot(
        aggregate_id=key,
        aggregate_type=aggregate_type,
        version=past.version,
        shape=shape_of(decider),
        state=msgspec.json.decode(codec.encode(state_of(decider, past))),
    )
    stored = Snapshot.objects.filter(pk=key).first()
    if stored is None or stored.shape != taken.shape or stored.version < taken.version:
        Snapshot.objects.bulk_create(
            [taken],
            update_conflicts=True,
            unique_fields=["aggregate_id"],
            update_fields=["version", "shape", "state", "taken_at"],
        )
