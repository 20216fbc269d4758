"""The events of an order. Each one's `apply` returns the order after it. Projections import these, never the rules."""

from orders.events.cancelling import LinesCancelled, OrderCancelled, OrderRestored
from orders.events.paying import (
    OrderPaid,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    WrittenOff,
)
from orders.events.placing import (
    AddressChanged,
    EditCommitted,
    EditDiscarded,
    EditStaged,
    NoteAdded,
    OrderCreated,
    OrderHeld,
    OrderReleased,
)
from orders.events.refunding import (
    RefundApproved,
    RefundDeclined,
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSettled,
)
from orders.events.returning import ReturnApproved, ReturnDeclined, ReturnReceived, ReturnRequested
from orders.events.shipping import OrderShipped, ParcelDelivered, ParcelShipped
from orders.state import Order

OrderEvent = (
    OrderCreated
    | OrderPaid
    | OrderShipped
    | OrderCancelled
    | OrderRestored
    | PaymentAuthorised
    | PaymentCaptured
    | PaymentVoided
    | PaymentFailed
    | ParcelShipped
    | ParcelDelivered
    | LinesCancelled
    | RefundRequested
    | RefundApproved
    | RefundDeclined
    | RefundSettled
    | RefundFailed
    | RefundRetried
    | ReturnRequested
    | ReturnApproved
    | ReturnDeclined
    | ReturnReceived
    | EditStaged
    | EditDiscarded
    | EditCommitted
    | OrderHeld
    | OrderReleased
    | NoteAdded
    | AddressChanged
    | WrittenOff
)


def evolve(order: Order, event: OrderEvent) -> Order:
    """Return `order` after `event`. No rule is checked: the event has happened."""
    return event.apply(order)


__all__ = [
    "AddressChanged",
    "EditCommitted",
    "EditDiscarded",
    "EditStaged",
    "LinesCancelled",
    "NoteAdded",
    "OrderCancelled",
    "OrderCreated",
    "OrderEvent",
    "OrderHeld",
    "OrderPaid",
    "OrderReleased",
    "OrderRestored",
    "OrderShipped",
    "ParcelDelivered",
    "ParcelShipped",
    "PaymentAuthorised",
    "PaymentCaptured",
    "PaymentFailed",
    "PaymentVoided",
    "RefundApproved",
    "RefundDeclined",
    "RefundFailed",
    "RefundRequested",
    "RefundRetried",
    "RefundSettled",
    "ReturnApproved",
    "ReturnDeclined",
    "ReturnReceived",
    "ReturnRequested",
    "WrittenOff",
    "evolve",
]
