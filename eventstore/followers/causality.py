"""Everything that followed from an event: found by what carries the same correlation id, told by who caused whom.

Events of one correlation are indexed by a consumer of the log: an index on the log itself would cost every append. What
it has not reached yet is looked for in the log, so a story is never a step behind.
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
_UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
LONGEST = 500  # events of one story that are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """An event of a story: how many causes stand between it and its beginning, and whether it followed from `of`."""

    fact: Recorded[Any]
    depth: int
    followed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Every event of one correlation, in order, up to `LONGEST`; `untold` is how many more there are."""

    chapters: list[Chapter]
    untold: int


def story_of(correlation_id: UUID, *, of: UUID) -> Story:
    """What belongs together with the event `of`, and which of it followed from that event: was caused by it, or by
    what it caused.
    """
    positions = sorted(_positions(correlation_id))
    return Story(chapters=list(_told(store.read_at(positions[:LONGEST]), of)), untold=max(len(positions) - LONGEST, 0))


@shared_task(name="eventstore.causality.correlate")
def correlate() -> None:
    """Index what is new. Beat calls it."""
    advance(CONSUMER, _index)


def _index(position: int) -> int:
    through = min(store.horizon(), position + STEP)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO correlations (correlation_id, position)"
            " SELECT (metadata->>'correlation_id')::uuid, position FROM events WHERE position > %s AND position <= %s"
            " AND metadata->>'correlation_id' ~ %s",  # a damaged one belongs to no story
            [position, through, _UUID],
        )
    return through


def _positions(correlation_id: UUID) -> set[int]:
    reached = ConsumerCheckpoint.objects.filter(name=CONSUMER).values_list("position", flat=True).first() or 0
    # The tail before the index: what the consumer takes in between is then found twice, never missed.
    tail = Event.objects.filter(position__gt=reached, metadata__correlation_id=str(correlation_id))
    found = set(tail.values_list("position", flat=True))
    return found | set(Correlation.objects.filter(correlation_id=correlation_id).values_list("position", flat=True))


def _told(facts: list[Recorded[Any]], of: UUID) -> Iterator[Chapter]:
    depths: dict[UUID, int] = {}
    followed: set[UUID] = set()
    for fact in facts:
        cause = fact.metadata.causation_id
        depths[fact.event_id] = depths[cause] + 1 if cause in depths else 0
        if cause == of or cause in followed:
            followed.add(fact.event_id)
        yield Chapter(fact=fact, depth=depths[fact.event_id], followed=fact.event_id in followed)
