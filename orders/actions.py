"""Find the commands that an order would accept now, by trying an example of each command on the rules."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, get_args

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


STAFF_COMMANDS: tuple[type, ...] = tuple(
    command for command in (*_COMMANDS, c.RestoreOrder) if command not in (c.CreateOrder, c.ExpireOrder)
)
"""The commands that staff may send to an existing order: all except expiry, which only the deadline sends."""

ACTIONS = tuple(name_of(command) for command in STAFF_COMMANDS)
"""The names of all actions. Those of customers are among them."""


def allowed_actions(order: Order, among: tuple[type, ...] | None = None, *, by: str = "") -> list[str]:
    """Return the names of the commands that the order would accept now from the actor `by`, given the right contents.

    Without `by`, the names of those that it would accept from somebody.
    """
    return list(dict.fromkeys(name_of(type(each)) for each in possible_commands(order, among, by=by)))


def possible_commands(order: Order, among: tuple[type, ...] | None = None, *, by: str = "") -> Iterator[OrderCommand]:
    """Yield one example of each command that the order would accept now, and one per part for commands about a part.

    With `by`, the actor who would send it: a refund over the limit is not approved by the person who requested it.
    """
    accepted = set()
    for command in _COMMANDS if order.is_placed else ():
        for example in _examples(command, order, by) if among is None or command in among else ():
            kind = (command, *(getattr(example, name, None) for name in PART_FIELDS))
            if kind not in accepted and _refusal(example, order) is None:
                accepted.add(kind)
                yield example


def refusal_of(command: type[OrderCommand], order: Order, *, by: str) -> CommandRefused | None:
    """Return why the order would refuse every command of this kind from the actor `by`, or None if it would not."""
    refusal = CommandRefused("nothing_for_this", "nothing of this order is in a state for this now")
    for example in _examples(command, order, by):
        if (found := _refusal(example, order)) is None:
            return None
        refusal = found
    return refusal


def _examples(command: type[OrderCommand], order: Order, by: str) -> Iterator[OrderCommand]:
    examples: Iterator[Any] = command.examples(order)
    if not by or all(each.name != "by" for each in fields(command)):
        return examples
    return (replace(example, by=by) for example in examples)


def _refusal(command: OrderCommand, order: Order) -> CommandRefused | None:
    """Ask the registered rules: they know the shop's policy. A command that would change nothing counts as refused."""
    try:
        if decider_of(command).decide(command, order):
            return None
    except CommandRefused as refusal:
        return refusal
    return CommandRefused("nothing_changes", "this would change nothing")
