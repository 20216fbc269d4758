"""The rule of placing an order."""

from collections.abc import Sequence
from typing import assert_never

from eventstore.errors import CommandRefused
from orders.commands import CreateOrder
from orders.commands.placing import PlacingCommand
from orders.events import OrderCreated, OrderEvent
from orders.money import exponent, rounded
from orders.policy import Policy
from orders.rules.pricing import new_lines, require_total
from orders.state import Order
from orders.values import ZERO


def decide(command: PlacingCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case CreateOrder():
            return create(command, order)
        case _:
            assert_never(command)


def create(command: CreateOrder, order: Order) -> OrderCreated:
    """Place an order. The event keeps today's prices, names and tax for ever. Raises CommandRefused."""
    if order.is_placed:
        raise CommandRefused("order_exists", "order {order_id} exists already", order_id=command.order_id)
    if not command.lines:
        raise CommandRefused("no_lines", "an order must have at least one line")
    exponent(command.currency)  # refuses unknown currencies
    lines, discounts = new_lines(command)
    total = sum((line.total for line in lines), start=rounded(ZERO, command.currency))
    require_total(total)
    return OrderCreated(
        order_id=command.order_id,
        reference=command.reference,
        customer_id=command.customer_id,
        customer_name=command.customer_name,
        customer_email=command.customer_email,
        shipping_address=command.shipping_address,
        billing_address=command.billing_address,
        country=command.country,
        currency=command.currency,
        prices_include_tax=command.prices_include_tax,
        lines=lines,
        discounts=discounts,
        tax=sum((line.tax for line in lines), start=rounded(ZERO, command.currency)),
        total=total,
    )
