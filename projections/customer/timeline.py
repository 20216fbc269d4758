"""What happened to an order, as its customer is told: what and when, not who in the shop did it or why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from eventstore import store
from eventstore.records import type_name
from eventstore.store import Recorded
from orders.events import OrderCancelled, OrderCreated, OrderEvent, OrderPaid, OrderRestored, OrderShipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One entry: the order's version after it, what happened in words, and when."""

    version: int
    event: str
    words: str
    occurred_at: datetime


def own_timeline(customer_id: UUID, order_id: UUID) -> list[Moment] | None:
    """Oldest first, read from the log itself: never behind. None if this customer has no order of that id."""
    facts = store.read_stream(order_id)
    if not is_own(customer_id, facts):
        return None
    return [
        Moment(
            version=fact.version,
            event=type_name(fact.event),
            words=told(fact.event),
            occurred_at=fact.occurred_at,
        )
        for fact in facts
    ]


def is_own(customer_id: UUID, facts: list[Recorded[Any]]) -> bool:
    """Whether these are the facts of an order that this customer placed."""
    return bool(facts) and isinstance(facts[0].event, OrderCreated) and facts[0].event.customer_id == customer_id


def told(event: OrderEvent) -> str:
    """An event in a sentence for the customer."""
    match event:
        case OrderCreated():
            lines = "1 line" if len(event.lines) == 1 else f"{len(event.lines)} lines"
            return f"You ordered {lines} for {event.total:,} {event.currency}."
        case OrderPaid():
            return f"You paid {event.amount:,} {event.currency} by {event.payment_method}."
        case OrderShipped():
            by = f" with {event.carrier}" if event.carrier else ""
            code = f"; its tracking code is {event.tracking_code}" if event.tracking_code else ""
            return f"We sent your order{by}{code}."
        case OrderCancelled():
            back = f" You get {event.due_back:,} {event.currency} back." if event.due_back else ""
            return f"The order was cancelled.{back}"
        case OrderRestored():
            due = f" {event.due:,} {event.currency} is to be paid." if event.due > 0 else ""
            return f"We put the order back to what it was before.{due}"
        case _:
            assert_never(event)
