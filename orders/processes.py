"""What the shop does by itself when something happens to an order."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings

from eventstore.processes import Forget, Intent, Process, Send, reacts_to
from eventstore.store import Recorded
from orders.commands import ExpireOrder
from orders.events import OrderCancelled, OrderCreated, OrderPaid


class UnpaidOrders(Process):
    """An order that is not paid within UNPAID_ORDER_DAYS of being placed is cancelled; 0 leaves it open for ever."""

    name = "unpaid-orders"
    plan = "Will be cancelled unless it is paid"

    @reacts_to(OrderCreated)
    def placed(self, event: OrderCreated, fact: Recorded[OrderCreated]) -> Iterable[Intent]:
        days = settings.UNPAID_ORDER_DAYS
        deadline = fact.occurred_at + timedelta(days=days)
        # One that was overdue when the shop was told of it, such as an old order that was imported, is history.
        if days and event.total and deadline > fact.timestamp:
            yield Send(command=ExpireOrder(order_id=event.order_id, days=days), key=event.order_id, at=deadline)

    @reacts_to(OrderPaid)
    def paid(self, event: OrderPaid, fact: Recorded[OrderPaid]) -> Iterable[Intent]:
        yield Forget(key=event.order_id)

    @reacts_to(OrderCancelled)
    def cancelled(self, event: OrderCancelled, fact: Recorded[OrderCancelled]) -> Iterable[Intent]:
        yield Forget(key=event.order_id)
