"""The customer's read model of orders."""

from django.db import models

from eventstore.personal_data.subjects import SubjectErased
from eventstore.store import Recorded
from orders.events import OrderCreated, OrderEvent
from projections.engine.projection import Projection, handles
from projections.engine.unit_of_work import UnitOfWork
from projections.order_row import LATER_EVENTS, AddressedOrder, rows_of_subject


class CustomerOrder(AddressedOrder):
    """An order as its customer sees it."""

    class Meta:
        app_label = "projections"
        indexes = (
            models.Index(fields=("customer_id", "-placed_at", "-order_id"), name="customerorder_own"),
            models.Index(fields=("customer_id", "status", "-placed_at"), name="customerorder_status"),
            models.Index(fields=("customer_id", "payment_status", "-placed_at"), name="customerorder_payment"),
            models.Index(fields=("customer_id", "fulfilment_status", "-placed_at"), name="customerorder_fulfilment"),
            models.Index(fields=("customer_id", "return_status", "-placed_at"), name="customerorder_return"),
        )

    def __str__(self) -> str:
        return str(self.order_id)


class CustomerOrders(Projection):
    """The projection of `CustomerOrder`."""

    name = "customer"
    version = 5
    cached = True
    tables = (CustomerOrder,)
    complete = OrderEvent
    rank = 1

    @handles(OrderCreated)
    def created(self, rows: UnitOfWork, event: OrderCreated, fact: Recorded[OrderCreated]) -> None:
        """Add the row of a new order."""
        rows.add(CustomerOrder.from_created(event, fact))

    @handles(*LATER_EVENTS)
    def changed(self, rows: UnitOfWork, event: OrderEvent, fact: Recorded[OrderEvent]) -> None:
        """Apply any later event."""
        rows.get(CustomerOrder, event.order_id).apply(event, fact)

    @handles(SubjectErased, in_every_shard=True)
    def erased(self, rows: UnitOfWork, event: SubjectErased, fact: Recorded[SubjectErased]) -> None:
        """Erase the personal data of a person's orders. A guest cannot read the row, but it holds their texts too."""
        for order in rows_of_subject(rows, CustomerOrder, event.subject_id):
            order.erase()
