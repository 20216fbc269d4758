"""The events of an order. Each one's `apply` returns the order after it. Projections import these, never the rules."""

from eventstore.errors import CorruptEvent
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
from orders.values import LineAmount, LineQuantity, RefundLine

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


def require_own_lines(order: Order, event: OrderEvent) -> None:
    """Raise CorruptEvent if an event names a line that the order does not have.

    Payments, parcels, refunds and returns that it does not have make `evolve` raise.
    """
    own = {line.line_id for line in order.lines}
    named = (each for field in ("lines", "restocked", "damaged", "kept") for each in getattr(event, field, None) or ())
    for each in named:
        if isinstance(each, LineAmount | LineQuantity | RefundLine) and each.line_id not in own:
            raise CorruptEvent(f"the order has no line {each.line_id} before this {type(event).__name__}")
