"""The rule of the shipping address."""

from collections.abc import Sequence
from typing import assert_never

from eventstore.errors import CommandRefused
from orders.commands import ChangeAddress
from orders.commands.addresses import AddressCommand
from orders.events import AddressChanged, OrderEvent
from orders.policy import Policy
from orders.rules.common import require_placed
from orders.state import Order


def decide(command: AddressCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case ChangeAddress():
            return change_address(command, order)
        case _:
            assert_never(command)


def change_address(command: ChangeAddress, order: Order) -> AddressChanged:
    """Change the shipping address while goods are still to be shipped. Raises CommandRefused."""
    require_placed(command.order_id, order)
    if not any(line.open for line in order.goods):
        raise CommandRefused("nothing_to_ship", "nothing of this order is left to ship")
    if not command.shipping_address.strip():
        raise CommandRefused("no_address", "an address needs at least one line")
    return AddressChanged(
        order_id=command.order_id,
        customer_id=order.customer_id,
        shipping_address=command.shipping_address.strip(),
        country=command.country.strip(),
    )
