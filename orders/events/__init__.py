"""The facts of an order, each with what it changes. All that projections know of this domain."""

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
    """`order` after `event`. No rule stands here: what happened, happened."""
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
