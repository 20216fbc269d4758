"""What happened to a customer's orders, all of them in one sequence, from where the customer left off.

An event's id is also the cursor to go on from: it says nothing about how much else the shop's log holds, and stays what
it is when the feed is rebuilt. The same id is in the feed, in the stream, and names a webhook message.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from eventstore import store
from eventstore.models import Event
from eventstore.records import Damaged, Recorded, type_name
from orders.http.i18n import translate
from projections.customer.feed import CustomerFeed, FeedEvent, FeedOrder
from projections.customer.timeline import describe_for_customer
from projections.engine.checkpoints import LIVE, Checkpoint, ParkedEvent

log = logging.getLogger(__name__)

START = "start"
"""The cursor before the oldest event that is held."""


class CursorMalformed(ValueError):
    """No event's id looks like this. Send a cursor as it was given."""


class CursorExpired(LookupError):
    """What came right after this cursor is not held any more, or it never was this customer's. Begin anew."""


class PublicEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as its customer is told of it. `version` is the order's after it: it can be read as it was then."""

    id: UUID
    type: str
    order_id: UUID
    version: int
    occurred_at: datetime
    words: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a customer's feed. The next one starts at `through`; there is one already where there is `more`."""

    events: list[PublicEvent]
    through: int
    more: bool


def own_events(customer_id: UUID, *, after: int, limit: int) -> Page:
    """The next events of this customer after a position, at most `limit`, none left out.

    Where one of the customer's events is parked, the feed stands still before it until it was taken or skipped.
    """
    found = _held(customer_id).filter(position__gt=after).values_list("position", flat=True)[: limit + 1]
    positions = list(found)
    events = (as_public(fact) for fact in store.read_at(positions[:limit]))
    return Page(
        events=[event for event in events if event is not None],
        through=positions[:limit][-1] if positions else after,
        more=len(positions) > limit,
    )


def position_of(customer_id: UUID, cursor: str) -> int:
    """Where to go on. Raises CursorMalformed, CursorExpired."""
    held_since = _held_since()
    if cursor == START:
        return _before(customer_id, held_since) if held_since else 0
    event_id = _event_id(cursor)
    position = _own(customer_id).filter(event_id=event_id).values_list("position", flat=True).first()
    if position is None:
        position = _not_shown_yet(event_id)
    if position is None:
        raise CursorExpired(translate("no event of yours has this id (any more): begin anew, without a cursor"))
    if held_since and position < _before(customer_id, held_since):
        raise CursorExpired(translate("some events after this one are not held any more: begin anew, without a cursor"))
    return position


def _event_id(cursor: str) -> UUID:
    malformed = CursorMalformed(translate("a cursor is the id of an event, as it was given"))
    try:
        event_id = UUID(cursor)
    except ValueError:
        raise malformed from None
    if str(event_id) != cursor:  # UUID() also takes braces, spaces and underscores
        raise malformed
    return event_id


def newest(customer_id: UUID) -> tuple[str, int]:
    """The cursor and position after which only what is still to happen comes."""
    last = _held(customer_id).order_by("-position").first()
    return (str(last.event_id), last.position) if last else (START, 0)


def as_public(fact: Recorded[Any]) -> PublicEvent | None:
    """An event of the log in the customer's words, or None where it is not theirs to know.

    One that cannot be read says so: nobody is to go on as if it had not happened.
    """
    if isinstance(fact.event, Damaged):
        log.error("the event at %s cannot be told: %s", fact.position, fact.event.error)
        words: str | None = translate("This cannot be told at the moment.")
    else:
        words = describe_for_customer(fact.event)
    if words is None:
        return None
    return PublicEvent(
        id=fact.event_id,
        type=type_name(fact.event),
        order_id=fact.aggregate_id,
        version=fact.version,
        occurred_at=fact.occurred_at.astimezone(UTC),
        words=words,
    )


def _own(customer_id: UUID) -> "QuerySet[FeedEvent]":
    """Of the primary: a replica that lags would not know the cursor that was just given."""
    return FeedEvent.objects.using(DEFAULT_DB_ALIAS).filter(customer_id=customer_id).order_by("position")


def _held(customer_id: UUID) -> "QuerySet[FeedEvent]":
    """One statement, hence one moment: an event that is parked just now holds back what comes after it."""
    parked = ParkedEvent.objects.filter(
        projection=CustomerFeed.name,
        space=LIVE,
        aggregate_id__in=FeedOrder.objects.filter(customer_id=customer_id).values("order_id"),
        position__lt=OuterRef("position"),
    )
    return _own(customer_id).filter(~Exists(parked))


def _held_since() -> datetime | None:
    days = settings.PUBLIC_EVENTS_DAYS
    return timezone.now() - timedelta(days=days) if days else None


def _before(customer_id: UUID, moment: datetime) -> int:
    """The position of the last event that was recorded before `moment`; 0 if none was."""
    earlier = _own(customer_id).filter(recorded_at__lt=moment).order_by("-position")
    return earlier.values_list("position", flat=True).first() or 0


def _not_shown_yet(event_id: UUID) -> int | None:
    """The position of an event that the feed has not come to: a webhook may be earlier."""
    reached = Checkpoint.objects.filter(projection=CustomerFeed.name, space=LIVE).values("position")
    return Event.objects.filter(event_id=event_id, position__gt=reached).values_list("position", flat=True).first()
