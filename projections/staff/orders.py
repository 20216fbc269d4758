"""What staff see of an order: every column they search, filter or sort by, in one row."""

from decimal import Decimal
from typing import assert_never

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from eventstore.personal import ERASED
from eventstore.store import Recorded
from eventstore.subjects import SubjectErased
from orders.events import LineKind, OrderCancelled, OrderCreated, OrderEvent, OrderPaid, OrderRestored, OrderShipped
from projections.projection import Projection, handles
from projections.rows import ReadModel, Rows
from projections.shared import Status, line_as_json, money


class StaffOrder(ReadModel):
    order_id = models.UUIDField(primary_key=True)
    reference = models.TextField()
    status = models.CharField(max_length=20, choices=Status.choices)
    customer_id = models.UUIDField(null=True)
    customer_name = models.TextField()
    customer_email = models.TextField()
    country = models.TextField()
    currency = models.CharField(max_length=3)
    total = money()
    paid = money()
    due = money()
    due_back = money()
    line_count = models.PositiveIntegerField("lines")
    units = models.PositiveBigIntegerField()
    lines = models.JSONField()
    payment_method = models.TextField(blank=True)
    carrier = models.TextField(blank=True)
    tracking_code = models.TextField(blank=True)
    cancel_reason = models.TextField(blank=True)
    placed_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    shipped_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    search = models.TextField(help_text="Lower-case text of everything an order is looked for by.")

    class Meta:
        app_label = "projections"
        verbose_name = "order"
        permissions = (("send_commands", "Can send commands to orders"),)
        indexes = (
            models.Index(fields=("-placed_at", "-order_id"), name="stafforder_placed"),
            models.Index(fields=("status", "-placed_at"), name="stafforder_status"),
            models.Index(fields=("country", "-placed_at"), name="stafforder_country"),
            models.Index(fields=("currency", "-placed_at"), name="stafforder_currency"),
            models.Index(fields=("customer_id", "-placed_at"), name="stafforder_customer"),
            models.Index(fields=("-total",), name="stafforder_total"),
            GinIndex(fields=("search",), name="stafforder_search", opclasses=("gin_trgm_ops",)),
        )

    def __str__(self) -> str:
        return self.reference or f"…{str(self.order_id)[-8:]}"


class StaffOrders(Projection):
    name = "staff"
    tables = (StaffOrder,)
    complete = OrderEvent

    @handles(OrderCreated)
    def created(self, rows: Rows, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
        order = StaffOrder(
            order_id=event.order_id,
            reference=event.reference,
            status=Status.CREATED,
            customer_id=event.customer_id,
            customer_name=event.customer_name,
            customer_email=event.customer_email,
            country=event.country,
            currency=event.currency,
            total=event.total,
            paid=Decimal(0),
            due=event.total,
            due_back=Decimal(0),
            line_count=len(event.lines),
            units=sum(line.quantity for line in event.lines if line.kind is LineKind.GOODS),
            lines=[line_as_json(line) for line in event.lines],
            placed_at=fact.occurred_at,
        )
        order.search = _search_text(order)
        rows.add(order)

    @handles(OrderPaid)
    def paid(self, rows: Rows, event: OrderPaid, fact: Recorded[OrderPaid]) -> None:
        order = rows.get(StaffOrder, event.order_id)
        order.status = Status.PAID
        order.paid += event.amount
        order.due -= event.amount
        order.payment_method = event.payment_method
        order.paid_at = fact.occurred_at

    @handles(OrderShipped)
    def shipped(self, rows: Rows, event: OrderShipped, fact: Recorded[OrderShipped]) -> None:
        order = rows.get(StaffOrder, event.order_id)
        order.status = Status.SHIPPED
        order.carrier = event.carrier
        order.tracking_code = event.tracking_code
        order.shipped_at = fact.occurred_at
        order.search = _search_text(order)

    @handles(OrderCancelled)
    def cancelled(self, rows: Rows, event: OrderCancelled, fact: Recorded[OrderCancelled]) -> None:
        order = rows.get(StaffOrder, event.order_id)
        order.status = Status.CANCELLED
        order.due = Decimal(0)
        order.due_back += event.due_back
        order.cancel_reason = event.reason
        order.cancelled_at = fact.occurred_at

    @handles(OrderRestored)
    def restored(self, rows: Rows, event: OrderRestored, fact: Recorded[OrderRestored]) -> None:
        order = rows.get(StaffOrder, event.order_id)
        cancelled = event.status == Status.CANCELLED
        order.status = event.status
        order.due = event.due
        order.due_back -= event.not_due_back
        order.cancel_reason = event.reason if cancelled else ""
        order.cancelled_at = fact.occurred_at if cancelled else None

    @handles(SubjectErased, in_every_shard=True)
    def erased(self, rows: Rows, event: SubjectErased, fact: Recorded[SubjectErased]) -> None:
        """All orders of a customer, or the one of a guest, who is known by it alone."""
        own = rows.where(StaffOrder, customer_id=event.subject_id)
        own += rows.where(StaffOrder, order_id=event.subject_id, customer_id=None)
        for order in own:
            order.customer_name = order.customer_name and ERASED
            order.customer_email = order.customer_email and ERASED
            order.search = _search_text(order)


def in_words(event: OrderEvent) -> str:
    """An event as one sentence of an order's timeline."""
    match event:
        case OrderCreated():
            lines = "1 line" if len(event.lines) == 1 else f"{len(event.lines)} lines"
            return f"Order placed: {lines} for {event.total:,} {event.currency}"
        case OrderPaid():
            return f"Paid {event.amount:,} {event.currency} by {event.payment_method}"
        case OrderShipped():
            by = f" with {event.carrier}" if event.carrier else ""
            return f"Shipped{by}{f', tracking code {event.tracking_code}' if event.tracking_code else ''}"
        case OrderCancelled():
            back = f"; {event.due_back:,} {event.currency} to be paid back" if event.due_back else ""
            return f"Cancelled: {event.reason}{back}"
        case OrderRestored():
            return f"Restored to version {event.version}, {event.status}: {event.reason}"
        case _:
            assert_never(event)


def _search_text(order: StaffOrder) -> str:
    person = [word for word in (order.customer_name, order.customer_email) if word != ERASED]
    skus = dict.fromkeys(line["sku"] for line in order.lines)
    words = [str(order.order_id), order.reference, *person, order.country, order.tracking_code, *skus]
    return " ".join(word for word in words if word).lower()
