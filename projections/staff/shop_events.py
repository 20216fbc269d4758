"""The events of all orders, as the shop's own programs read them: with the actor, what is internal, and the content.

They are read from the log itself, in its order, up to the place where nothing can appear any more. So they need no
table, none is left out, and none is ever out of reach.
"""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import msgspec

from eventstore import store
from eventstore.messages import EVENT_TYPES
from eventstore.models import Event
from eventstore.records import Damaged, Recorded, type_name
from eventstore.storage import sizes
from orders.events import OrderEvent
from orders.http.i18n import translate
from projections.event_feed.source import START, CursorExpired, Page, event_id_of
from projections.order_timeline import describe
from projections.staff.orders import StaffOrders

log = logging.getLogger(__name__)

SHOP_TYPES = tuple(sorted(EVENT_TYPES[event].name for event in get_args(OrderEvent)))
"""The types of the events of orders."""

LEFT_OUT = "…"  # instead of personal data in words


class ShopEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the shop sees it. `data` is what it says, by field; `words` is its description for staff."""

    id: UUID
    type: str
    order_id: UUID
    version: int
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    words: str
    data: dict[str, Any]


class ShopEvents:
    """The events of all orders, from which the list and the stream read. Personal data only if `personal_data`."""

    projection = StaffOrders.name
    of_shop = True

    def __init__(self, reader: str, *, personal_data: bool) -> None:
        self.reader, self._personal_data = reader, personal_data

    def read(self, *, after: int, limit: int) -> Page:
        """Return the next events after a position: at most `limit`, and fewer if they are large."""
        stored = sizes.sizes_after(after, limit=limit + 1, event_types=SHOP_TYPES)
        fitting = sizes.number_within(stored[:limit], sizes.MOST_STORED)
        page = store.read_after(after, limit=fitting, event_types=list(SHOP_TYPES))
        return Page(
            events=[as_shop(fact, personal_data=self._personal_data) for fact in page.events],
            through=page.through,
            has_more=len(page.events) == fitting < len(stored),
        )

    def position_of(self, cursor: str) -> int:
        """Return the position to read on from. Raises CursorMalformed, CursorExpired.

        It is never after the horizon: earlier events may still be on their way there.
        """
        if cursor == START:
            return 0
        events = Event.objects.filter(event_id=event_id_of(cursor))
        position = events.values_list("position", flat=True).first()
        if position is None:
            raise CursorExpired(translate("there is no event with this id: start again without a cursor"))
        return min(position, store.horizon())

    def newest(self) -> tuple[str, int]:
        """Return the cursor and the position of the newest event."""
        events = Event.objects.filter(position__lte=store.horizon(), event_type__in=SHOP_TYPES)
        last = events.order_by("-position").values_list("event_id", "position").first()
        return (str(last[0]), last[1]) if last else (START, 0)


def as_shop(fact: Recorded[Any], *, personal_data: bool) -> ShopEvent:
    """Return a fact as the shop sees it. Without `personal_data`, fields with personal data are null.

    A damaged event is not hidden: its description says that it cannot be shown.
    """
    if isinstance(fact.event, Damaged):
        log.error("the event at position %s cannot be shown to the shop: %s", fact.position, fact.event.error)
        words, data = translate("This event cannot be shown at the moment."), {}
    else:
        texts = () if personal_data else EVENT_TYPES[type(fact.event)].personal
        hidden = [text.name for text in texts if not text.for_programs]
        blank = {name: LEFT_OUT for name in hidden if getattr(fact.event, name)}
        words = describe(replace(fact.event, **blank)).staff
        data = msgspec.to_builtins(fact.event) | dict.fromkeys(hidden)
    return ShopEvent(
        id=fact.event_id,
        type=type_name(fact.event),
        order_id=fact.aggregate_id,
        version=fact.version,
        occurred_at=fact.occurred_at.astimezone(UTC),
        recorded_at=fact.timestamp.astimezone(UTC),
        actor=fact.metadata.actor,
        words=words,
        data=data,
    )
