"""The events of a customer's orders in one sequence, read from a cursor on.

The cursor is the id of an event. An id reveals nothing about the size of the shop's log, and stays the same when the
feed is rebuilt. The list, the stream and webhook messages all use the same ids.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from eventstore import store
from eventstore.messages import EVENT_TYPES
from eventstore.models import Event
from eventstore.records import Recorded, type_name
from eventstore.storage import sizes
from orders.http.i18n import translate
from projections.customer.feed import CustomerFeed, FeedEvent, FeedOrder
from projections.customer.timeline import words_for_customer
from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent
from projections.event_feed.source import START, CursorExpired, Page, event_id_of

PUBLIC_TYPES = tuple(sorted(EVENT_TYPES[event].name for event in CustomerFeed.handlers))
"""The types of the events that customers see."""


class PublicEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as its customer sees it. `version` is the order's version after it; `words` is its description."""

    id: UUID
    type: str
    order_id: UUID
    version: int
    occurred_at: datetime
    words: str


class CustomerEvents:
    """The events of one customer's orders, from which the list and the stream read."""

    projection = CustomerFeed.name
    of_shop = False

    def __init__(self, customer_id: UUID) -> None:
        self.customer_id, self.reader = customer_id, str(customer_id)

    def read(self, *, after: int, limit: int) -> Page:
        """Return the next events after a position, at most `limit`."""
        return own_events(self.customer_id, after=after, limit=limit)

    def position_of(self, cursor: str) -> int:
        """Return the position to read on from. Raises CursorMalformed, CursorExpired."""
        return position_of(self.customer_id, cursor)

    def newest(self) -> tuple[str, int]:
        """Return the cursor and the position of the customer's newest event."""
        return newest(self.customer_id)


def own_events(customer_id: UUID, *, after: int, limit: int) -> Page:
    """Return the next events of a customer after a position: at most `limit`, and fewer if they are large.

    The feed stops before a parked event of the customer until it is retried or skipped, so no event is left out.
    """
    rows = _available(customer_id).filter(position__gt=after).values_list("position", flat=True)[: limit + 1]
    positions = list(rows)
    fitting = positions[: sizes.number_within(sizes.sizes_at(positions[:limit]), sizes.MOST_STORED)]
    events = (as_public(fact) for fact in store.read_at(fitting))
    return Page(
        events=[event for event in events if event is not None],
        through=fitting[-1] if fitting else after,
        has_more=len(positions) > len(fitting),
    )


def position_of(customer_id: UUID, cursor: str) -> int:
    """Return the position to read on from. Raises CursorMalformed, CursorExpired."""
    available_since = _available_since()
    if cursor == START:
        return _last_before(customer_id, available_since) if available_since else 0
    event_id = event_id_of(cursor)
    position = _own(customer_id).filter(event_id=event_id).values_list("position", flat=True).first()
    if position is None:
        position = _position_ahead_of_feed(event_id)
    if position is None:
        raise CursorExpired(
            translate("you have no event with this id, or it is no longer available: start again without a cursor")
        )
    if available_since and position < _last_before(customer_id, available_since):
        raise CursorExpired(
            translate("some events after this one are no longer available: start again without a cursor")
        )
    return position


def newest(customer_id: UUID) -> tuple[str, int]:
    """Return the cursor and the position of the customer's newest event."""
    last = _available(customer_id).order_by("-position").first()
    return (str(last.event_id), last.position) if last else (START, 0)


def as_public(fact: Recorded[Any]) -> PublicEvent | None:
    """Return a fact as its customer may see it, or None if the customer may not.

    A damaged event is not hidden: its description says that it cannot be shown.
    """
    description = words_for_customer(fact)
    if description is None:
        return None
    return PublicEvent(
        id=fact.event_id,
        type=type_name(fact.event),
        order_id=fact.aggregate_id,
        version=fact.version,
        occurred_at=fact.occurred_at.astimezone(UTC),
        words=description,
    )


def _own(customer_id: UUID) -> "QuerySet[FeedEvent]":
    """Return the customer's feed. Read from the primary: a lagging replica may not have the newest cursor yet."""
    return FeedEvent.objects.using(DEFAULT_DB_ALIAS).filter(customer_id=customer_id).order_by("position")


def _available(customer_id: UUID) -> "QuerySet[FeedEvent]":
    """Return the feed up to the customer's first parked event.

    One statement on purpose: with two, an event parked between them would be skipped.
    """
    parked = ParkedEvent.objects.filter(
        projection=CustomerFeed.name,
        space=LIVE,
        aggregate_id__in=FeedOrder.objects.filter(customer_id=customer_id).values("order_id"),
        position__lt=OuterRef("position"),
    )
    return _own(customer_id).filter(~Exists(parked))


def _available_since() -> datetime | None:
    days = settings.PUBLIC_EVENTS_DAYS
    return timezone.now() - timedelta(days=days) if days else None


def _last_before(customer_id: UUID, moment: datetime) -> int:
    """Return the position of the customer's last event recorded before `moment`, or 0."""
    earlier = _own(customer_id).filter(recorded_at__lt=moment).order_by("-position")
    return earlier.values_list("position", flat=True).first() or 0


def _position_ahead_of_feed(event_id: UUID) -> int | None:
    """Return the position of an event that the feed has not reached yet. A webhook may send such an id first."""
    reached = Checkpoint.objects.filter(projection=CustomerFeed.name, space=LIVE).values("position")
    return Event.objects.filter(event_id=event_id, position__gt=reached).values_list("position", flat=True).first()
