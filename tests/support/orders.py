"""Orders to begin with: commands that every test may send."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from eventstore.ids import new_id
from orders.commands import CreateOrder, PayOrder
from tests.support.order_examples import CREATE


def new_order() -> CreateOrder:
    return replace(CREATE, order_id=new_id())


def pay(order_id: UUID, amount: str = "25.00") -> PayOrder:
    return PayOrder(order_id=order_id, amount=Decimal(amount), payment_method="card")
