"""What the examples of commands are made of.

Each command has `examples(order)`: the least demanding commands of its kind for an order as it is, one for each part
that the command could be about. `orders.actions` tries them on the rules to find what an order would accept.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from uuid import UUID

from orders.approvals.identity import PERSON
from orders.lines import Line
from orders.state import Order
from orders.values import LineQuantity

KEY = UUID(int=0)
TEXT = "example"
ACTOR = f"{PERSON}somebody else"
"""A person, as programs may do less. User names have no spaces, so this person has asked for nothing before."""
LINES_TRIED = 50
"""The number of lines that are tried for each command about lines."""


def lines_with(order: Order, units: Callable[[Line], int]) -> Iterator[Line]:
    """Yield the first lines with such units.

    If the rules refuse a command for all of them, the reason is the order, so no further lines are tried.
    """
    return islice((line for line in order.lines if units(line) > 0), LINES_TRIED)


def one_unit(line: Line) -> tuple[LineQuantity, ...]:
    """Return one unit of a line, as commands about lines take it."""
    return (LineQuantity(line_id=line.line_id, quantity=1),)
