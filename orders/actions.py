"""Find the commands that an order would accept now, by trying an example of each command on the rules."""

from collections.abc import Iterator
from typing import get_args

from eventstore.decider import decider_of
from eventstore.errors import CommandRefused
from eventstore.messages import COMMAND_TYPES
from orders import commands as c
from orders.commands import OrderCommand
from orders.state import Order

_COMMANDS: tuple[type[OrderCommand], ...] = get_args(OrderCommand)

CUSTOMER_COMMANDS = (
    c.PayOrder,
    c.PayFromAccount,
    c.CancelOrder,
    c.CancelLines,
    c.EditOrder,
    c.RequestReturn,
    c.ChangeAddress,
)
"""The commands that customers may send to their own orders."""


PART_FIELDS = ("payment_id", "shipment_id", "refund_id", "return_id")
"""The command fields that name a part of the order."""


def name_of(command: type) -> str:
    """Return a command's wire name without the aggregate type: `ship_lines` for `order.ship_lines`."""
    return COMMAND_TYPES[command].name.partition(".")[2]


def allowed_actions(order: Order, among: tuple[type, ...] | None = None) -> list[str]:
    """Return the names of the commands that the order would accept now, given the right contents."""
    return list(dict.fromkeys(name_of(type(each)) for each in possible_commands(order, among)))


def possible_commands(order: Order, among: tuple[type, ...] | None = None) -> Iterator[OrderCommand]:
    """Yield one example of each command that the order would accept now, and one per part for commands about a part."""
    accepted = set()
    for command in _COMMANDS if order.is_placed else ():
        for example in command.examples(order) if among is None or command in among else ():
            kind = (command, *(getattr(example, name, None) for name in PART_FIELDS))
            if kind not in accepted and _accepts(example, order):
                accepted.add(kind)
                yield example


def _accepts(command: OrderCommand, order: Order) -> bool:
    """Ask the registered rules: they know the shop's policy."""
    try:
        return bool(decider_of(command).decide(command, order))
    except CommandRefused:
        return False
