"""The feed: which events each customer may see, in the order of the log.

The rows are an index of the log by customer. They hold no content and no personal data;
`projections.customer.public_events` makes the content from the log at each request.
"""

from typing import Any, get_args

from django.db import models

from eventstore.models import Contents
from eventstore.store import Recorded
from orders.events import OrderCreated, OrderEvent
from projections.engine.projection import Handler, Projection, handles
from projections.engine.row_storage import new_row
from projections.engine.unit_of_work import ReadModel, UnitOfWork
from projections.order_timeline import describe


class FeedOrder(ReadModel):
    """The order's customer; null for guests, who have no feed."""

    order_id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField(null=True)

    class Meta:
        app_label = "projections"
        indexes = (models.Index(fields=("customer_id",), name="feedorder_customer"),)

    def __str__(self) -> str:
        return str(self.order_id)


class FeedEvent(models.Model):
    """One event that a customer may see."""

    contents = Contents.REMADE

    position = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField()
    customer_id = models.UUIDField()
    recorded_at = models.DateTimeField()

    class Meta:
        app_label = "projections"
        indexes = (
            models.Index(fields=("customer_id", "position"), name="feedevent_customer"),
            models.Index(fields=("event_id",), name="feedevent_event"),
        )

    def __str__(self) -> str:
        return str(self.event_id)


class CustomerFeed(Projection):
    """The projection of the feed.

    It needs the total order of the log: no event may appear before a position that a reader has passed.
    """

    name = "feed"
    tables = (FeedOrder, FeedEvent)
    total_order = True
    complete = OrderEvent

    @handles(OrderCreated)
    def created(self, rows: UnitOfWork, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
        """Store the order's customer, and add the event to the feed."""
        rows.add(new_row(FeedOrder, {"order_id": event.order_id, "customer_id": event.customer_id}))
        self.happened(rows, event, fact)

    def happened(self, rows: UnitOfWork, event: Any, fact: Recorded[Any]) -> None:
        """Add the event to the feed of the order's customer, if the customer may see it."""
        order = rows.get(FeedOrder, fact.aggregate_id)
        if order.customer_id is not None and describe(event).customer:
            columns = {"position": fact.position, "event_id": fact.event_id, "customer_id": order.customer_id}
            rows.journal(new_row(FeedEvent, {**columns, "recorded_at": fact.timestamp}))


# `happened` handles every other order event, including types that later releases declare.
_handlers: dict[type, Handler] = {
    event: CustomerFeed.happened for event in get_args(OrderEvent) if event not in CustomerFeed.handlers
}
CustomerFeed.handlers.update(_handlers)
