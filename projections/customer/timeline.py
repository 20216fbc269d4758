"""Describe an order's events to its customer, in the language of the request.

The customer sees what happened and when, but not which member of staff did it, or why.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

from eventstore import store
from eventstore.records import type_name
from eventstore.store import Recorded
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
from orders.http.i18n import translate, translate_plural


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One event: the order's version after it, its type, its description, and when it happened."""

    version: int
    event: str
    words: str
    occurred_at: datetime


def own_timeline(customer_id: UUID, order_id: UUID) -> list[TimelineEntry] | None:
    """Return the order's timeline, oldest first, or None if the customer has no such order. Made from the log."""
    facts = store.read_stream(order_id)
    if not is_own(customer_id, facts):
        return None
    return [
        TimelineEntry(version=fact.version, event=type_name(fact.event), words=text, occurred_at=fact.occurred_at)
        for fact in facts
        if (text := describe_for_customer(fact.event))
    ]


def is_own(customer_id: UUID, facts: list[Recorded[Any]]) -> bool:
    """Return whether these facts are an order that this customer placed."""
    return bool(facts) and isinstance(facts[0].event, OrderCreated) and facts[0].event.customer_id == customer_id


def describe_for_customer(event: OrderEvent) -> str | None:  # noqa: PLR0911 - one case for each kind of event
    """Return the event as text for the customer, or None for events that are internal to the shop."""
    match event:
        case OrderCreated() | OrderCancelled() | LinesCancelled() | OrderRestored() | EditCommitted():
            return _describe_order_event(event)
        case OrderPaid() | PaymentAuthorised() | PaymentCaptured() | PaymentVoided() | PaymentFailed():
            return _describe_payment_event(event)
        case OrderShipped() | ParcelShipped() | ParcelDelivered():
            return _describe_parcel_event(event)
        case RefundRequested() | RefundApproved() | RefundSettled() | RefundDeclined() | RefundFailed():
            return _describe_refund_event(event)
        case ReturnRequested() | ReturnApproved() | ReturnDeclined() | ReturnReceived():
            return _describe_return_event(event)
        case NoteAdded():
            return translate("We noted: {text}", text=event.text) if event.visible else None
        case AddressChanged():
            return translate("It will be sent to another address.")
        case EditStaged() | EditDiscarded() | OrderHeld() | OrderReleased() | RefundRetried() | WrittenOff():
            return None
        case _:
            assert_never(event)


def _describe_order_event(
    event: OrderCreated | OrderCancelled | LinesCancelled | OrderRestored | EditCommitted,
) -> str:
    match event:
        case OrderCreated():
            return translate_plural(
                "You ordered {number} line for {total}.",
                "You ordered {number} lines for {total}.",
                number=len(event.lines),
                total=_money(event.total, event.currency),
            )
        case OrderCancelled():
            return _sentences(translate("The order was cancelled."), _due_back(event.due_back, event.currency))
        case LinesCancelled():
            return _sentences(
                translate("A part of the order was cancelled."), _due_back(event.due_back, event.currency)
            )
        case OrderRestored():
            return _sentences(
                translate("We put the order back to what it was before."), _due(event.due, event.currency)
            )
        case EditCommitted():
            amounts = _due(event.due, event.currency), _due_back(event.due_back, event.currency)
            return _sentences(translate("The order was changed."), *amounts)
        case _:
            assert_never(event)


def _describe_payment_event(
    event: OrderPaid | PaymentAuthorised | PaymentCaptured | PaymentVoided | PaymentFailed,
) -> str:
    amount = _money(event.amount, event.currency)
    match event:
        case OrderPaid():
            return translate("You paid {amount} by {method}.", amount=amount, method=event.payment_method)
        case PaymentAuthorised():
            return translate("You promised to pay {amount} by {method}.", amount=amount, method=event.method)
        case PaymentCaptured():
            return translate("We received {amount} by {method}.", amount=amount, method=event.method)
        case PaymentVoided():
            return translate("We released {amount} that you had promised to pay.", amount=amount)
        case PaymentFailed():
            return translate("A payment of {amount} failed.", amount=amount)
        case _:
            assert_never(event)


def _describe_parcel_event(event: OrderShipped | ParcelShipped | ParcelDelivered) -> str:
    match event:
        case OrderShipped():
            sent = translate("We sent your order.")
        case ParcelShipped():
            sent = translate("We sent parcel {number}.", number=event.shipment_id)
        case ParcelDelivered():
            return translate("Parcel {number} was delivered.", number=event.shipment_id)
        case _:
            assert_never(event)
    by = translate("It goes with {carrier}.", carrier=event.carrier) if event.carrier else ""
    code = translate("Its tracking code is {code}.", code=event.tracking_code) if event.tracking_code else ""
    return _sentences(sent, by, code)


def _describe_refund_event(
    event: RefundRequested | RefundApproved | RefundSettled | RefundDeclined | RefundFailed,
) -> str:
    amount = _money(event.amount, event.currency)
    match event:
        case RefundRequested():
            return translate("A refund of {amount} was requested.", amount=amount)
        case RefundApproved():
            return translate("A refund of {amount} is on its way to you.", amount=amount)
        case RefundSettled():
            return translate("We gave back {amount}.", amount=amount)
        case RefundDeclined():
            return translate("A refund of {amount} was declined: {reason}", amount=amount, reason=event.reason)
        case RefundFailed():
            return translate("A refund of {amount} did not reach you; we will try again.", amount=amount)
        case _:
            assert_never(event)


def _describe_return_event(event: ReturnRequested | ReturnApproved | ReturnDeclined | ReturnReceived) -> str:
    match event:
        case ReturnRequested():
            return translate("You asked to send goods back.")
        case ReturnApproved():
            return translate("You may send the goods back.")
        case ReturnDeclined():
            return translate("The return was declined: {reason}", reason=event.reason)
        case ReturnReceived():
            return _sentences(translate("We received what you sent back."), _due_back(event.due_back, event.currency))
        case _:
            assert_never(event)


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount:,} {currency}"


def _due_back(amount: Decimal, currency: str) -> str:
    return translate("You get {amount} back.", amount=_money(amount, currency)) if amount > 0 else ""


def _due(amount: Decimal, currency: str) -> str:
    return translate("{amount} is to be paid.", amount=_money(amount, currency)) if amount > 0 else ""


def _sentences(*sentences: str) -> str:
    """Join whole sentences. Each is translated as a whole, because word order differs between languages."""
    return " ".join(filter(None, sentences))
