"""What an order may never be, whatever happened to it.

`violations` says it of a state, `require_possible` of an event between two states. The rules of commands keep to both
(`orders.rules`), so neither is checked when events are appended or loaded. An import checks both, because other code
may have made its events; and so does the test that sends random commands (`tests/orders/test_life.py`).

Nothing here depends on the shop's policy or on what a rule allows today: only on what the words mean.
"""

from collections.abc import Iterator
from itertools import chain

from eventstore.errors import CommandRefused, CorruptEvent
from orders.events import OrderEvent
from orders.invariants import events, lines, money, parts
from orders.money import exponent
from orders.state import Order


def violations(order: Order) -> Iterator[str]:
    """Yield what is impossible about an order, in sentences."""
    try:
        exponent(order.currency)
    except CommandRefused as refusal:
        yield refusal.message
        return
    yield from parts.violations(order)
    for line in order.lines:
        yield from lines.violations(line, order)
    yield from money.violations(order)


def require_possible(before: Order, event: OrderEvent, after: Order) -> None:
    """Raise CorruptEvent if the event cannot have led from one state to the other, or if that state is impossible."""
    impossible = next(chain(events.violations(before, event, after), violations(after)), "")
    if impossible:
        raise CorruptEvent(f"{type(event).__name__} cannot have happened to this order: {impossible}")
