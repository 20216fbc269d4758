"""Commands that any test may send: a new order with its own id, and its payment."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from eventstore.ids import new_id
from orders.commands import CreateOrder, PayOrder
from tests.support.order_examples import CREATE


def new_order() -> CreateOrder:
    """Return the example order under a new id."""
    return replace(CREATE, order_id=new_id())


def pay(order_id: UUID, amount: str = "25.00") -> PayOrder:
    """Pay an order by card."""
    return PayOrder(order_id=order_id, amount=Decimal(amount), payment_method="card")
