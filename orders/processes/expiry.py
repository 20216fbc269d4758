"""The process manager that cancels unpaid orders at a deadline."""

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
    """Cancel orders that are not paid within UNPAID_ORDER_DAYS after they are placed. With 0, orders never expire.

    A voided or failed payment, or a restored order, starts a new deadline.
    """

    name = "unpaid-orders"
    plan = "Will be cancelled unless it is paid"

    @reacts_to(OrderCreated)
    def placed(self, event: OrderCreated, fact: Recorded[OrderCreated]) -> Iterable[Intent]:
        """Plan the cancellation."""
        return _expire(event.order_id, event.total, fact)

    @reacts_to(OrderPaid)
    def paid(self, event: OrderPaid, fact: Recorded[OrderPaid]) -> Iterable[Intent]:
        """Drop the planned cancellation."""
        return [Forget(key=event.order_id)]

    @reacts_to(PaymentAuthorised)
    def payment_authorised(self, event: PaymentAuthorised, fact: Recorded[PaymentAuthorised]) -> Iterable[Intent]:
        """Drop the planned cancellation."""
        return [Forget(key=event.order_id)]

    @reacts_to(PaymentVoided)
    def payment_voided(self, event: PaymentVoided, fact: Recorded[PaymentVoided]) -> Iterable[Intent]:
        """Start a new deadline."""
        return [Forget(key=event.order_id), *_expire(event.order_id, event.amount, fact)]

    @reacts_to(PaymentFailed)
    def payment_failed(self, event: PaymentFailed, fact: Recorded[PaymentFailed]) -> Iterable[Intent]:
        """Start a new deadline."""
        return [Forget(key=event.order_id), *_expire(event.order_id, event.amount, fact)]

    @reacts_to(OrderCancelled)
    def cancelled(self, event: OrderCancelled, fact: Recorded[OrderCancelled]) -> Iterable[Intent]:
        """Drop the planned cancellation."""
        return [Forget(key=event.order_id)]

    @reacts_to(OrderRestored)
    def restored(self, event: OrderRestored, fact: Recorded[OrderRestored]) -> Iterable[Intent]:
        """Start a new deadline."""
        return [Forget(key=event.order_id), *_expire(event.order_id, event.due, fact)]


def _expire(order_id: UUID, due: Decimal, fact: Recorded[Any]) -> list[Intent]:
    """Plan the cancellation, unless expiry is off, nothing is due, or the deadline is past already."""
    days = settings.UNPAID_ORDER_DAYS
    deadline = fact.occurred_at + timedelta(days=days)
    # An imported order may be past its deadline when it is recorded. It is history, not an unpaid order.
    if not days or not due or deadline <= fact.timestamp:
        return []
    return [Send(command=ExpireOrder(order_id=order_id, days=days), key=order_id, at=deadline)]
