"""Find all events of one request, and which of them a given event caused.

Events of one request carry the same correlation id. A consumer copies (correlation id, position) into the table
`correlations`. Fast path: a consumer's table instead of an index on the log, which would slow down every append;
measured in docs/decisions/16. Events that the consumer has not indexed yet are read from the end of the log, so a trace
is never out of date.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import connection

from eventstore import store
from eventstore.followers.consumers import advance
from eventstore.models import ConsumerCheckpoint, Correlation, Event
from eventstore.store import Recorded

CONSUMER = "causality"
STEP = 20_000  # positions indexed in one transaction
MAX_ENTRIES = 500  # events of one trace that are returned
_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEntry:
    """An event of a trace.

    `depth` is the number of causes between this event and the first one. `is_effect` says whether the event in question
    caused this one, directly or through other events.
    """

    fact: Recorded[Any]
    depth: int
    is_effect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The events of one correlation in log order, at most `MAX_ENTRIES`. `omitted` is how many more there are."""

    entries: list[TraceEntry]
    omitted: int


def trace_of(correlation_id: UUID, *, event_id: UUID) -> Trace:
    """Return the events of a correlation, and mark those that the event `event_id` caused, directly or indirectly."""
    positions = sorted(_positions(correlation_id))
    facts = store.read_at(positions[:MAX_ENTRIES])
    return Trace(entries=list(_entries(facts, event_id)), omitted=max(len(positions) - MAX_ENTRIES, 0))


@shared_task(name="eventstore.causality.correlate")
def correlate() -> None:
    """Index the events that are new. Celery beat sends this task."""
    advance(CONSUMER, _index)


def _index(position: int) -> int:
    """Index at most `STEP` positions after `position`; return the last position indexed."""
    through = min(store.horizon(), position + STEP)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO correlations (correlation_id, position)"
            " SELECT (metadata->>'correlation_id')::uuid, position FROM events WHERE position > %s AND position <= %s"
            " AND metadata->>'correlation_id' ~ %s",  # skips damaged ids, which belong to no trace
            [position, through, _UUID],
        )
    return through


def _positions(correlation_id: UUID) -> set[int]:
    indexed_through = ConsumerCheckpoint.objects.filter(name=CONSUMER).values_list("position", flat=True).first() or 0
    # Read the tail before the index. An event that is indexed in between is then found twice instead of never.
    tail = Event.objects.filter(position__gt=indexed_through, metadata__correlation_id=str(correlation_id))
    positions = set(tail.values_list("position", flat=True))
    return positions | set(Correlation.objects.filter(correlation_id=correlation_id).values_list("position", flat=True))


def _entries(facts: list[Recorded[Any]], event_id: UUID) -> Iterator[TraceEntry]:
    depths: dict[UUID, int] = {}
    effects: set[UUID] = set()
    for fact in facts:
        cause = fact.metadata.causation_id
        depths[fact.event_id] = depths[cause] + 1 if cause in depths else 0
        if cause == event_id or cause in effects:
            effects.add(fact.event_id)
        yield TraceEntry(fact=fact, depth=depths[fact.event_id], is_effect=fact.event_id in effects)
