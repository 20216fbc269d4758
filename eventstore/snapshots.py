"""Take snapshots of aggregates, so that a command need not replay a long history.

A worker takes a snapshot after a command brings an aggregate to or past a multiple of `snapshot_every`. No request
waits for it.
"""

import logging
from collections.abc import Iterable
from functools import cache, reduce
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from celery import shared_task
from django.db import transaction

from eventstore import codec, store
from eventstore.decider import Decider, decider_named
from eventstore.errors import CorruptEvent
from eventstore.models import Event, Snapshot, SubjectKey
from eventstore.personal_data import in_the_clear

log = logging.getLogger(__name__)


@cache
def shape_of(decider: Decider[Any, Any, Any]) -> str:
    """Return a name for the shape of a state.

    It changes with the state's fields, their types, and the decider's `state_version`.
    """
    schema = msgspec.json.encode(msgspec.json.schema(type(decider.initial)), order="deterministic")
    return f"{decider.state_version}:{sha256(schema).hexdigest()[:32]}"


def state_of(decider: Decider[Any, Any, Any], history: store.History) -> Any:
    """Return the state after all events of `history`. Raises CorruptEvent if they make no state."""
    start = decider.initial
    if history.snapshot is not None:
        start = msgspec.json.decode(history.snapshot, type=type(decider.initial))
    return fold(decider, history.events, start)


def fold(decider: Decider[Any, Any, Any], events: Iterable[Any], start: Any) -> Any:
    """Return the state after these events, from the state `start` on. Raises CorruptEvent if they make no state."""
    try:
        return reduce(decider.evolve, events, start)
    except Exception as error:  # a history that no rule of this code would have made, such as an imported one
        raise CorruptEvent(f"the events of this {decider.aggregate_type} make no state: {error!r}") from error


def is_due(decider: Decider[Any, Any, Any], before: int, after: int) -> bool:
    """Return whether a snapshot is due after an append that led from version `before` to version `after`."""
    return after // decider.snapshot_every > before // decider.snapshot_every


def request(sender: Any = None, *, snapshots: dict[UUID, str], **payload: Any) -> None:
    """Tell a worker to take the snapshots that are due. Receives `events_appended`."""
    for aggregate_id, aggregate_type in snapshots.items():
        take.apply_async((aggregate_type, str(aggregate_id)), retry=False)


@shared_task(name="eventstore.snapshots.take")
def take(aggregate_type: str, aggregate_id: str) -> None:
    """Write a snapshot of the aggregate's current state, unless a newer one of the same shape exists."""
    with transaction.atomic():
        _lock_subject(UUID(aggregate_id))
        _take(decider_named(aggregate_type), UUID(aggregate_id))


def _lock_subject(aggregate_id: UUID) -> None:
    """Let no erasure of the person whom an aggregate is about run until this transaction ends.

    An erasure deletes snapshots. One taken meanwhile from a history that was still readable would stay.
    """
    subject_ids = Event.objects.filter(aggregate_id=aggregate_id).values_list("subject_id", flat=True).distinct()
    old = in_the_clear.subjects_of([aggregate_id]).values()  # old events may name nobody
    subjects = {subject_id for subject_id in (*subject_ids, *old) if subject_id}
    list(SubjectKey.objects.filter(pk__in=subjects).order_by("pk").select_for_update(no_key=True))


def _take(decider: Decider[Any, Any, Any], key: UUID) -> None:
    history = store.history(key, shape=shape_of(decider))
    snapshot = Snapshot(
        aggregate_id=key,
        aggregate_type=decider.aggregate_type,
        version=history.version,
        shape=shape_of(decider),
        state=msgspec.json.decode(codec.encode(state_of(decider, history))),
    )
    stored = Snapshot.objects.filter(pk=key).first()
    if stored is None or stored.shape != snapshot.shape or stored.version < snapshot.version:
        Snapshot.objects.bulk_create(
            [snapshot],
            update_conflicts=True,
            unique_fields=["aggregate_id"],
            update_fields=["version", "shape", "state", "taken_at"],
        )
