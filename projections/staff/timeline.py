"""Describe an order's events in English, one sentence each, for the timeline that staff read."""

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from orders.events import (
    AddressChanged,
    EditCommitted,
    EditDiscarded,
    EditStaged,
    LinesCancelled,
    NoteAdded,
    OrderCancelled,
    OrderCreated,
    OrderEvent,
    OrderHeld,
    OrderPaid,
    OrderReleased,
    OrderRestored,
    OrderShipped,
    ParcelDelivered,
    ParcelShipped,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    RefundApproved,
    RefundDeclined,
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSettled,
    ReturnApproved,
    ReturnDeclined,
    ReturnReceived,
    ReturnRequested,
    WrittenOff,
)
from orders.values import LineAmount, LineQuantity


def describe_for_staff(event: OrderEvent) -> str:  # noqa: C901, PLR0911, PLR0912 - one case for each event
    """Return one sentence that tells staff what happened."""
    match event:
        case OrderCreated():
            lines = "1 line" if len(event.lines) == 1 else f"{len(event.lines)} lines"
            off = sum((discount.amount for discount in event.discounts), Decimal(0))
            discounted = f", {_money(off, event.currency)} of discount taken off" if off else ""
            return f"Order placed: {lines} for {_money(event.total, event.currency)}{discounted}"
        case OrderPaid():
            return f"Paid {_money(event.amount, event.currency)} by {event.payment_method}"
        case PaymentAuthorised():
            by = "from the customer's account" if event.account_id else f"by {event.method}"
            return f"Payment {event.payment_id}: {_money(event.amount, event.currency)} promised {by}"
        case PaymentCaptured():
            return f"Payment {event.payment_id}: {_money(event.amount, event.currency)} captured by {event.method}"
        case PaymentVoided():
            return f"Payment {event.payment_id}: {_money(event.amount, event.currency)} voided: {event.reason}"
        case PaymentFailed():
            return f"Payment {event.payment_id} of {_money(event.amount, event.currency)} failed: {event.reason}"
        case WrittenOff():
            return f"Written off {_money(event.amount, event.currency)}: {event.reason}"
        case OrderShipped():
            return f"Shipped{_carrier(event.carrier, event.tracking_code)}"
        case ParcelShipped():
            by = _carrier(event.carrier, event.tracking_code)
            return f"Parcel {event.shipment_id} shipped{by}: {_units(event.lines)}"
        case ParcelDelivered():
            return f"Parcel {event.shipment_id} delivered"
        case OrderCancelled():
            return f"Cancelled: {event.reason}{_due_back(event.due_back, event.currency)}"
        case LinesCancelled():
            return f"Cancelled {_units(event.lines)}: {event.reason}{_due_back(event.due_back, event.currency)}"
        case OrderRestored():
            return f"Restored to version {event.version}, {event.status}: {event.reason}"
        case RefundRequested():
            to = " to the customer's account" if event.account_id else ""
            return f"Refund {event.refund_id} of {_money(event.amount, event.currency)}{to} requested: {event.reason}"
        case RefundApproved():
            return f"Refund {event.refund_id} of {_money(event.amount, event.currency)} approved"
        case RefundDeclined():
            return f"Refund {event.refund_id} of {_money(event.amount, event.currency)} declined: {event.reason}"
        case RefundSettled():
            return f"Refund {event.refund_id}: {_money(event.amount, event.currency)} paid out"
        case RefundFailed():
            return f"Refund {event.refund_id} of {_money(event.amount, event.currency)} failed: {event.reason}"
        case RefundRetried():
            return f"Refund {event.refund_id} of {_money(event.amount, event.currency)} tried again"
        case ReturnRequested():
            comment = f", “{event.comment}”" if event.comment else ""
            reason = event.reason.replace("_", " ")
            return f"Return {event.return_id} requested: {_units(event.lines)}, {reason}{comment}"
        case ReturnApproved():
            return f"Return {event.return_id} approved"
        case ReturnDeclined():
            return f"Return {event.return_id} declined: {event.reason}"
        case ReturnReceived():
            received = [f"{_units(event.restocked)} to sell again"] if event.restocked else []
            received += [f"{_units(event.damaged)} damaged"] if event.damaged else []
            return (
                f"Return {event.return_id} received: {', '.join(received)}{_due_back(event.due_back, event.currency)}"
            )
        case EditStaged():
            return f"Change staged: {_difference(event.difference, event.currency)}"
        case EditDiscarded():
            return "Staged change discarded"
        case EditCommitted():
            return (
                f"Changed: {_difference(event.difference, event.currency)}{_due_back(event.due_back, event.currency)}"
            )
        case OrderHeld():
            return f"On hold: {event.reason}"
        case OrderReleased():
            return f"Released{f': {event.reason}' if event.reason else ''}"
        case NoteAdded():
            return f"Note{' for the customer' if event.visible else ''}: {event.text}"
        case AddressChanged():
            return f"Address changed to: {', '.join(event.shipping_address.splitlines())}"
        case _:
            assert_never(event)


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount:,} {currency}"


def _due_back(amount: Decimal, currency: str) -> str:
    return f"; {_money(amount, currency)} to be paid back" if amount > 0 else ""


def _carrier(carrier: str, tracking_code: str) -> str:
    return f"{f' with {carrier}' if carrier else ''}{f', tracking code {tracking_code}' if tracking_code else ''}"


def _units(lines: Sequence[LineQuantity | LineAmount]) -> str:
    return ", ".join(f"{line.quantity:,} of line {line.line_id}" for line in lines)


def _difference(amount: Decimal, currency: str) -> str:
    if not amount:
        return "it costs the same"
    return f"it costs {_money(abs(amount), currency)} {'more' if amount > 0 else 'less'}"
