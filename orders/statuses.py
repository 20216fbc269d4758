"""The four statuses of an order. Each is computed from the order's counters, independently of the others."""

from enum import StrEnum

from orders.state import Order
from orders.values import ZERO, ReturnStatus


class OrderStatus(StrEnum):
    """Completed: all goods are shipped or cancelled, no money is due or due back, no refund or return is open."""

    OPEN = "open"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    """Overcharged: more was captured than the order costs, by mistake or before a cancellation or return."""

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
    """None: nothing was shipped and nothing is to be shipped. Partial: some goods are shipped, some are open."""

    NONE = "none"
    UNFULFILLED = "unfulfilled"
    PARTIAL = "partial"
    FULFILLED = "fulfilled"
    DELIVERED = "delivered"


class ReturnsStatus(StrEnum):
    """Approved: the goods may be sent back. Partial and returned: some or all shipped goods came back."""

    NONE = "none"
    REQUESTED = "requested"
    APPROVED = "approved"
    PARTIAL = "partial"
    RETURNED = "returned"
    DECLINED = "declined"


def order_status(order: Order) -> OrderStatus:
    """Return whether the order is open, on hold, completed or cancelled."""
    if order.is_cancelled:
        return OrderStatus.CANCELLED
    if order.on_hold:
        return OrderStatus.ON_HOLD
    has_open_parts = any(line.open for line in order.goods) or any(each.is_open for each in order.returns)
    has_open_money = order.due or order.due_back or order.refund_pending
    return OrderStatus.OPEN if has_open_parts or has_open_money else OrderStatus.COMPLETED


def payment_status(order: Order) -> PaymentStatus:
    """Return how far the order is paid, refunded or written off."""
    if order.bad_debt:
        return PaymentStatus.WRITTEN_OFF
    if order.due_back:
        return PaymentStatus.OVERCHARGED
    if order.refunded:
        return PaymentStatus.PARTIALLY_REFUNDED if order.net_captured else PaymentStatus.REFUNDED
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
    """Return how many of the goods were shipped and delivered."""
    has_open_goods = any(line.open for line in order.goods)
    if not order.shipments:
        return FulfilmentStatus.UNFULFILLED if has_open_goods else FulfilmentStatus.NONE
    if has_open_goods:
        return FulfilmentStatus.PARTIAL
    all_delivered = all(shipment.delivered for shipment in order.shipments)
    return FulfilmentStatus.DELIVERED if all_delivered else FulfilmentStatus.FULFILLED


def return_status(order: Order) -> ReturnsStatus:
    """Return the stage of the order's returns. A requested or approved return outranks finished ones."""
    statuses = {each.status for each in order.returns}
    if ReturnStatus.REQUESTED in statuses:
        return ReturnsStatus.REQUESTED
    if ReturnStatus.APPROVED in statuses:
        return ReturnsStatus.APPROVED
    if any(line.returned for line in order.lines):
        all_returned = all(line.returned == line.shipped for line in order.goods)
        return ReturnsStatus.RETURNED if all_returned else ReturnsStatus.PARTIAL
    return ReturnsStatus.DECLINED if statuses else ReturnsStatus.NONE
