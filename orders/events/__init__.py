"""The events of an order. Each one's `apply` returns the order after it. Projections import these, never the rules."""

from orders.events.addresses import *
from orders.events.cancelling import *
from orders.events.editing import *
from orders.events.holding import *
from orders.events.notes import *
from orders.events.paying import *
from orders.events.placing import *
from orders.events.refunding import *
from orders.events.returning import *
from orders.events.shipping import *
from orders.state import Order

OrderEvent = (
    PlacingEvent
    | PayingEvent
    | ShippingEvent
    | CancellingEvent
    | RefundingEvent
    | ReturningEvent
    | EditingEvent
    | HoldingEvent
    | NoteEvent
    | AddressEvent
)
"""Every event of an order. Each file lists its own."""


def evolve(order: Order, event: OrderEvent) -> Order:
    """Return `order` after `event`. No rule is checked: the event has happened."""
    return event.apply(order)
