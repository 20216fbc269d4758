"""Describe an order's events to its customer, in the language of the request.

The customer sees what happened and when, but not which member of staff did it, or why.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eventstore import store
from eventstore.records import Damaged, type_name
from eventstore.storage import sizes
from eventstore.store import Recorded
from orders.events import OrderCreated
from orders.http.i18n import translate
from projections.order_timeline import describe

log = logging.getLogger(__name__)

MOST_ENTRIES = 500
"""The most events that one answer describes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One event: the order's version after it, its type, its description, and when it happened."""

    version: int
    event: str
    words: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A part of an order's timeline, oldest first. There is more after the version `more_after`, unless it is None."""

    entries: list[TimelineEntry]
    more_after: int | None


def own_timeline(customer_id: UUID, order_id: UUID, *, after_version: int = 0) -> Timeline | None:
    """Return the order's timeline after a version, or None if the customer has no such order. Made from the log.

    It has at most MOST_ENTRIES entries, and fewer if the events are large.
    """
    if not is_own(customer_id, list(store.first_of([order_id]).values())):
        return None
    found = sizes.positions_of(order_id, after_version=after_version, limit=MOST_ENTRIES + 1)
    fitting = sizes.number_within((size for _, size in found[:MOST_ENTRIES]), sizes.MOST_STORED)
    facts = store.read_at([position for position, _ in found[:fitting]])
    entries = [
        TimelineEntry(version=fact.version, event=type_name(fact.event), words=text, occurred_at=fact.occurred_at)
        for fact in facts
        if (text := words_for_customer(fact))
    ]
    return Timeline(entries=entries, more_after=facts[-1].version if fitting < len(found) else None)


def words_for_customer(fact: Recorded[Any]) -> str | None:
    """Return what an event says to its customer, or None if the customer may not see it.

    A damaged event is not hidden: its description says that it cannot be shown.
    """
    if isinstance(fact.event, Damaged):
        log.error("the event at position %s cannot be shown to its customer: %s", fact.position, fact.event.error)
        return translate("This event cannot be shown at the moment.")
    return describe(fact.event).for_customer


def is_own(customer_id: UUID, facts: list[Recorded[Any]]) -> bool:
    """Return whether these facts are an order that this customer placed."""
    return bool(facts) and isinstance(facts[0].event, OrderCreated) and facts[0].event.customer_id == customer_id
