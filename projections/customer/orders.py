"""What a customer may see of an order."""

from decimal import Decimal

from django.db import models

from eventstore.store import Recorded
from orders.events import OrderCancelled, OrderCreated, OrderPaid, OrderRestored, OrderShipped
from projections.projection import Projection, handles
from projections.rows import ReadModel, Rows
from projections.shared import Status, line_as_json, money


class CustomerOrder(ReadModel):
    order_id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField(null=True)
    reference = models.TextField()
    status = models.CharField(max_length=20, choices=Status.choices)
    country = models.TextField()
    currency = models.CharField(max_length=3)
    total = money()
    paid = money()
    due = money()
    due_back = money()
    lines = models.JSONField()
    carrier = models.TextField(blank=True)
    tracking_code = models.TextField(blank=True)
    placed_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    shipped_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "projections"
        indexes = (models.Index(fields=("customer_id", "-placed_at", "-order_id"), name="customerorder_own"),)

    def __str__(self) -> str:
        return str(self.order_id)


class CustomerOrders(Projection):
    name = "customer"
    cached = True
    tables = (CustomerOrder,)

    @handles(OrderCreated)
    def created(self, rows: Rows, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
        rows.add(
            CustomerOrder(
                order_id=event.order_id,
                customer_id=event.customer_id,
                reference=event.reference,
                status=Status.CREATED,
                country=event.country,
                currency=event.currency,
                total=event.total,
                paid=Decimal(0),
                due=event.total,
                due_back=Decimal(0),
                lines=[line_as_json(line) for line in event.lines],
                placed_at=fact.occurred_at,
            )
        )

    @handles(OrderPaid)
    def paid(self, rows: Rows, event: OrderPaid, fact: Recorded[OrderPaid]) -> None:
        order = rows.get(CustomerOrder, event.order_id)
        order.status = Status.PAID
        order.paid += event.amount
        order.due -= event.amount
        order.paid_at = fact.occurred_at

    @handles(OrderShipped)
    def shipped(self, rows: Rows, event: OrderShipped, fact: Recorded[OrderShipped]) -> None:
        order = rows.get(CustomerOrder, event.order_id)
        order.status = Status.SHIPPED
        order.carrier = event.carrier
        order.tracking_code = event.tracking_code
        order.shipped_at = fact.occurred_at

    @handles(OrderCancelled)
    def cancelled(self, rows: Rows, event: OrderCancelled, fact: Recorded[OrderCancelled]) -> None:
        order = rows.get(CustomerOrder, event.order_id)
        order.status = Status.CANCELLED
        order.due = Decimal(0)
        order.due_back += event.due_back
        order.cancelled_at = fact.occurred_at

    @handles(OrderRestored)
    def restored(self, rows: Rows, event: OrderRestored, fact: Recorded[OrderRestored]) -> None:
        order = rows.get(CustomerOrder, event.order_id)
        order.status = event.status
        order.due = event.due
        order.due_back -= event.not_due_back
        order.cancelled_at = fact.occurred_at if event.status == Status.CANCELLED else None
