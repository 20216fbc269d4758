"""The four statuses of an order. Each is read off its counters, and none depends on another."""

from enum import StrEnum

from orders.state import Order
from orders.values import ZERO, ReturnStatus


class OrderStatus(StrEnum):
    """Completed: everything was sent or cancelled, nothing is owed by anybody, and nothing is on its way back."""

    OPEN = "open"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    """Overcharged: more was captured than the order costs, by mistake or because something was cancelled since."""

    UNPAID = "unpaid"
    FAILED = "failed"
    VOIDED = "voided"
    AUTHORISED = "authorised"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERCHARGED = "overcharged"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    WRITTEN_OFF = "written_off"


class FulfilmentStatus(StrEnum):
    """None: there is nothing to send, or no longer."""

    NONE = "none"
    UNFULFILLED = "unfulfilled"
    PARTIAL = "partial"
    FULFILLED = "fulfilled"
    DELIVERED = "delivered"


class ReturnsStatus(StrEnum):
    """Approved: goods are on their way back. Partial and returned: some or all of what was sent came back."""

    NONE = "none"
    REQUESTED = "requested"
    APPROVED = "approved"
    PARTIAL = "partial"
    RETURNED = "returned"
    DECLINED = "declined"


def order_status(order: Order) -> OrderStatus:
    if order.is_cancelled:
        return OrderStatus.CANCELLED
    if order.on_hold:
        return OrderStatus.ON_HOLD
    waits = any(line.open for line in order.goods) or any(each.is_open for each in order.returns)
    owes = order.due or order.due_back or order.refund_pending
    return OrderStatus.OPEN if waits or owes else OrderStatus.COMPLETED


def payment_status(order: Order) -> PaymentStatus:
    if order.bad_debt:
        return PaymentStatus.WRITTEN_OFF
    if order.due_back:
        return PaymentStatus.OVERCHARGED
    if order.refunded:
        return PaymentStatus.PARTIALLY_REFUNDED if order.kept else PaymentStatus.REFUNDED
    if order.captured:
        return PaymentStatus.PARTIALLY_PAID if order.due else PaymentStatus.PAID
    return _before_any_capture(order)


def _before_any_capture(order: Order) -> PaymentStatus:
    if order.capturable:
        return PaymentStatus.AUTHORISED
    if order.sold == ZERO:
        return PaymentStatus.PAID
    if order.payments:
        last = order.payments[-1]
        return PaymentStatus.FAILED if last.failed else PaymentStatus.VOIDED
    return PaymentStatus.UNPAID


def fulfilment_status(order: Order) -> FulfilmentStatus:
    waits = any(line.open for line in order.goods)
    if not order.shipments:
        return FulfilmentStatus.UNFULFILLED if waits else FulfilmentStatus.NONE
    if waits:
        return FulfilmentStatus.PARTIAL
    arrived = all(shipment.delivered for shipment in order.shipments)
    return FulfilmentStatus.DELIVERED if arrived else FulfilmentStatus.FULFILLED


def return_status(order: Order) -> ReturnsStatus:
    statuses = {each.status for each in order.returns}
    if ReturnStatus.REQUESTED in statuses:
        return ReturnsStatus.REQUESTED
    if ReturnStatus.APPROVED in statuses:
        return ReturnsStatus.APPROVED
    if any(line.returned for line in order.lines):
        everything = all(line.returned == line.shipped for line in order.goods)
        return ReturnsStatus.RETURNED if everything else ReturnsStatus.PARTIAL
    return ReturnsStatus.DECLINED if statuses else ReturnsStatus.NONE
