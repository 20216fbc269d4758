"""What the read models of orders have in common: the columns of money and statuses, and how an event changes them."""

from dataclasses import fields
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args

from django.db import models

from eventstore.messages import EVENT_TYPES, EventType
from eventstore.store import Recorded
from orders.events import (
    AddressChanged,
    OrderCreated,
    OrderEvent,
    OrderPaid,
    OrderShipped,
    ParcelShipped,
    PaymentCaptured,
    evolve,
)
from orders.lines import Line
from orders.state import Order
from orders.statuses import (
    FulfilmentStatus,
    OrderStatus,
    PaymentStatus,
    ReturnsStatus,
    fulfilment_status,
    order_status,
    payment_status,
    return_status,
)
from projections.engine.row_storage import Encoded, new_row
from projections.engine.unit_of_work import ReadModel

R = TypeVar("R", bound="OrderRow")
A = TypeVar("A", bound="AddressedOrder")

LATER_EVENTS = tuple(event for event in get_args(OrderEvent) if event is not OrderCreated)
"""Everything that happens to an order once it was placed."""

STATUSES: dict[str, type[StrEnum]] = {
    "status": OrderStatus,
    "payment_status": PaymentStatus,
    "fulfilment_status": FulfilmentStatus,
    "return_status": ReturnsStatus,
}


def money_column() -> "models.DecimalField[Any, Any]":
    """An amount in the row's currency, exact: four decimals hold every currency, the digits a day of largest orders."""
    return models.DecimalField(max_digits=30, decimal_places=4, default=Decimal(0))


def status_column(statuses: type[StrEnum]) -> "models.CharField[Any, Any]":
    """A column for a status."""
    first = next(iter(statuses))
    return models.CharField(max_length=20, choices=[(each, status_label(each)) for each in statuses], default=first)


def status_label(status: StrEnum) -> str:
    return status.replace("_", " ").capitalize()


class OrderRow(ReadModel):
    """What every audience is shown of an order. `state` is what its events add up to; the columns are read off it."""

    order_id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField(null=True)
    reference = models.TextField()
    country = models.TextField()
    currency = models.CharField(max_length=3)
    status = status_column(OrderStatus)
    payment_status = status_column(PaymentStatus)
    fulfilment_status = status_column(FulfilmentStatus)
    return_status = status_column(ReturnsStatus)
    total = money_column()
    tax = money_column()
    cancelled = money_column()
    returned = money_column()
    allowances = money_column()
    authorised = money_column()
    voided = money_column()
    paid = money_column()
    refund_pending = money_column()
    refunded = money_column()
    written_off = money_column()
    due = money_column()
    due_back = money_column()
    placed_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    shipped_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    state = Encoded(of=Order, default=Order)
    times = models.JSONField(default=dict, help_text="When what happened to each payment, parcel, refund and return.")

    class Meta:
        abstract = True

    @property
    def lines(self) -> tuple[Line, ...]:
        order: Order = self.state
        return order.lines

    @classmethod
    def placed(cls: type[R], event: OrderCreated, fact: Recorded[OrderCreated], **more: Any) -> R:
        """The row of a new order."""
        values = {
            "order_id": event.order_id,
            "customer_id": event.customer_id,
            "reference": event.reference,
            "country": event.country,
            "currency": event.currency,
            "placed_at": fact.occurred_at,
        }
        row = new_row(cls, values | more)
        row.take(event, fact)
        return row

    def take(self, event: OrderEvent, fact: Recorded[Any]) -> None:
        """The order after `event`; what depends on when it happened is noted at once, the rest waits for `show`."""
        before, at = self.state, fact.occurred_at
        order = self.state = evolve(before, event)
        declared = EVENT_TYPES[type(event)]
        if what := _part_of(declared):
            part = f"{what}/{getattr(event, f'{what}_id')}"
            self.times = {**self.times, part: {**self.times.get(part, {}), declared.name: at.isoformat()}}
        if declared.cls in _PAYING:
            self.paid_at = at
        elif declared.cls in _SHIPPING:
            self.shipped_at = at
        if order.lines is not before.lines:
            self.cancelled_at = (self.cancelled_at or at) if order.is_cancelled else None

    def show(self) -> None:
        order: Order = self.state
        self.status = order_status(order)
        self.payment_status = payment_status(order)
        self.fulfilment_status = fulfilment_status(order)
        self.return_status = return_status(order)
        self.total, self.tax = order.sold, order.tax
        self.cancelled, self.returned, self.allowances = order.cancelled, order.returned, order.allowances
        self.authorised, self.voided, self.paid = order.authorised, order.voided, order.captured
        self.refund_pending, self.refunded = order.refund_pending, order.refunded
        self.written_off, self.due, self.due_back = order.bad_debt, order.due, order.due_back


_PAYING: set[type] = {OrderPaid, PaymentCaptured}
_SHIPPING: set[type] = {OrderShipped, ParcelShipped}


class AddressedOrder(OrderRow):
    """An order as those see it who are to know where it goes."""

    shipping_address = models.TextField(default="")
    billing_address = models.TextField(default="")

    class Meta:
        abstract = True

    @classmethod
    def placed(cls: type[A], event: OrderCreated, fact: Recorded[OrderCreated], **more: Any) -> A:
        addresses = {"shipping_address": event.shipping_address, "billing_address": event.billing_address}
        return super().placed(event, fact, **addresses, **more)

    def take(self, event: OrderEvent, fact: Recorded[Any]) -> None:
        super().take(event, fact)
        if isinstance(event, AddressChanged):
            self.shipping_address = event.shipping_address
            self.country = event.country or self.country


@cache
def _part_of(declared: EventType) -> str | None:
    """Which of payment, parcel, refund and return an event is about: its number is then the event's `payment_id`."""
    names = {each.name for each in fields(declared.cls)}
    return next((what for what in ("payment", "shipment", "refund", "return") if f"{what}_id" in names), None)
