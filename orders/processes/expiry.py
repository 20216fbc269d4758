"""What the shop does by itself when something happens to an order."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from eventstore.followers.process_managers import Forget, Intent, Process, Send, reacts_to
from eventstore.store import Recorded
from orders.commands import ExpireOrder
from orders.events import (
    OrderCancelled,
    OrderCreated,
    OrderPaid,
    OrderRestored,
    PaymentAuthorised,
    PaymentFailed,
    PaymentVoided,
)


class UnpaidOrders(Process):
    """An order that is not paid within UNPAID_ORDER_DAYS of being placed is cancelled; 0 leaves it open for ever."""

    name = "unpaid-orders"
    plan = "Will be cancelled unless it is paid"

    @reacts_to(OrderCreated)
    def placed(self, event: OrderCreated, fact: Recorded[OrderCreated]) -> Iterable[Intent]:
        return _expire(event.order_id, event.total, fact)

    @reacts_to(OrderPaid)
    def paid(self, event: OrderPaid, fact: Recorded[OrderPaid]) -> Iterable[Intent]:
        return [Forget(key=event.order_id)]

    @reacts_to(PaymentAuthorised)
    def promised(self, event: PaymentAuthorised, fact: Recorded[PaymentAuthorised]) -> Iterable[Intent]:
        return [Forget(key=event.order_id)]

    @reacts_to(PaymentVoided)
    def let_go(self, event: PaymentVoided, fact: Recorded[PaymentVoided]) -> Iterable[Intent]:
        return [Forget(key=event.order_id), *_expire(event.order_id, event.amount, fact)]

    @reacts_to(PaymentFailed)
    def failed(self, event: PaymentFailed, fact: Recorded[PaymentFailed]) -> Iterable[Intent]:
        return [Forget(key=event.order_id), *_expire(event.order_id, event.amount, fact)]

    @reacts_to(OrderCancelled)
    def cancelled(self, event: OrderCancelled, fact: Recorded[OrderCancelled]) -> Iterable[Intent]:
        return [Forget(key=event.order_id)]

    @reacts_to(OrderRestored)
    def restored(self, event: OrderRestored, fact: Recorded[OrderRestored]) -> Iterable[Intent]:
        return [Forget(key=event.order_id), *_expire(event.order_id, event.due, fact)]


def _expire(order_id: UUID, due: Decimal, fact: Recorded[Any]) -> list[Intent]:
    days = settings.UNPAID_ORDER_DAYS
    deadline = fact.occurred_at + timedelta(days=days)
    # One that was overdue when the shop was told of it, such as an old order that was imported, is history.
    if not days or not due or deadline <= fact.timestamp:
        return []
    return [Send(command=ExpireOrder(order_id=order_id, days=days), key=order_id, at=deadline)]
