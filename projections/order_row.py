"""Shared columns of the order read models, and how an event changes a row.

Each audience has a table of its own; all of them extend `OrderRow`.
"""

from dataclasses import fields
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args
from uuid import UUID

from django.db import models

from eventstore.messages import EVENT_TYPES, EventType
from eventstore.store import Recorded
from orders.erasing import erased, without_personal_texts
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
from projections.engine.shared_folds import folded
from projections.engine.unit_of_work import ReadModel, UnitOfWork

R = TypeVar("R", bound="OrderRow")
A = TypeVar("A", bound="AddressedOrder")

LATER_EVENTS = tuple(event for event in get_args(OrderEvent) if event is not OrderCreated)
"""Every order event except the first."""

STATUSES: dict[str, type[StrEnum]] = {
    "status": OrderStatus,
    "payment_status": PaymentStatus,
    "fulfilment_status": FulfilmentStatus,
    "return_status": ReturnsStatus,
}
"""The values of each status column."""


def money_column() -> "models.DecimalField[Any, Any]":
    """Return a column for an exact amount in the row's currency.

    Four decimals are enough for every currency, and 26 digits before them for the sum of a day of the largest orders.
    """
    return models.DecimalField(max_digits=30, decimal_places=4, default=Decimal(0))


def status_column(statuses: type[StrEnum]) -> "models.CharField[Any, Any]":
    """Return a column for a status; the default is the first value."""
    default = next(iter(statuses))
    choices = [(status, status_label(status)) for status in statuses]
    return models.CharField(max_length=20, choices=choices, default=default)


def status_label(status: StrEnum) -> str:
    """Return a status as text for a page: `partially_paid` becomes `Partially paid`."""
    return status.replace("_", " ").capitalize()


_NO_ORDER = Order()
"""What every read model folds the first event of an order into."""


class OrderRow(ReadModel):
    """The columns of an order that every audience sees.

    `state` is the order's state after its events; `show` sets the other columns from it. `times` holds when the events
    of each payment, parcel, refund and return happened: `{"payment/1": {"order.payment_captured": "<ISO 8601>"}}`.
    """

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
    times = models.JSONField(
        default=dict, help_text="The times of the events of each payment, parcel, refund and return."
    )

    class Meta:
        abstract = True

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the order's lines."""
        order: Order = self.state
        return order.lines

    @classmethod
    def from_created(cls: type[R], event: OrderCreated, fact: Recorded[OrderCreated], **columns: Any) -> R:
        """Return the row of a new order; `columns` are the columns that only this read model has."""
        values = {
            "order_id": event.order_id,
            "customer_id": event.customer_id,
            "reference": event.reference,
            "country": event.country,
            "currency": event.currency,
            "placed_at": fact.occurred_at,
            "state": _NO_ORDER,
        }
        row = new_row(cls, values | columns)
        row.apply(event, fact)
        return row

    def apply(self, event: OrderEvent, fact: Recorded[Any]) -> None:
        """Advance `state` by `event`, and set the columns that hold a time.

        `show` sets the other columns, once for all the events of a batch.
        """
        before, at = self.state, fact.occurred_at
        order = self.state = folded(before, event, evolve)
        declared = EVENT_TYPES[type(event)]
        if kind := _part_kind(declared):
            part = f"{kind}/{getattr(event, f'{kind}_id')}"
            self.times = {**self.times, part: {**self.times.get(part, {}), declared.name: at.isoformat()}}
        if declared.cls in _PAYMENT_EVENTS:
            self.paid_at = at
        elif declared.cls in _SHIPMENT_EVENTS:
            self.shipped_at = at
        if order.lines is not before.lines:
            self.cancelled_at = (self.cancelled_at or at) if order.is_cancelled else None

    def erase(self) -> None:
        """Erase the texts that a person typed. Numbers and times stay."""
        self.state = without_personal_texts(self.state)
        self.reference, self.country = erased(self.reference), erased(self.country)

    def show(self) -> None:
        """Set the columns that follow from `state`."""
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


_PAYMENT_EVENTS: set[type] = {OrderPaid, PaymentCaptured}
_SHIPMENT_EVENTS: set[type] = {OrderShipped, ParcelShipped}


class AddressedOrder(OrderRow):
    """An order with its addresses, for audiences that may see them."""

    shipping_address = models.TextField(default="")
    billing_address = models.TextField(default="")

    class Meta:
        abstract = True

    @classmethod
    def from_created(cls: type[A], event: OrderCreated, fact: Recorded[OrderCreated], **columns: Any) -> A:
        """Return the row of a new order, with the addresses of the event."""
        addresses = {"shipping_address": event.shipping_address, "billing_address": event.billing_address}
        return super().from_created(event, fact, **addresses, **columns)

    def erase(self) -> None:
        """Erase the texts that a person typed, and the addresses."""
        super().erase()
        self.shipping_address, self.billing_address = erased(self.shipping_address), erased(self.billing_address)

    def apply(self, event: OrderEvent, fact: Recorded[Any]) -> None:
        """Advance the row by `event`, including a change of address."""
        super().apply(event, fact)
        if isinstance(event, AddressChanged):
            self.shipping_address = event.shipping_address
            self.country = event.country or self.country


def rows_of_subject(rows: UnitOfWork, model: type[R], subject_id: UUID) -> list[R]:
    """Return the orders about a person. A guest's subject id is the id of their only order."""
    return rows.where(model, customer_id=subject_id) + rows.where(model, order_id=subject_id, customer_id=None)


@cache
def _part_kind(declared: EventType) -> str | None:
    """Return which kind of part this type of event is about, or None.

    An event about a payment has a field `payment_id`, and so on.
    """
    names = {field.name for field in fields(declared.cls)}
    return next((kind for kind in ("payment", "shipment", "refund", "return") if f"{kind}_id" in names), None)
