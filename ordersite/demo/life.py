"""Build the commands of one demo order.

The rules decide each command at once, so that the next step of a story can use the order's state, such as the amount
that is due.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from random import Random
from typing import Any
from uuid import UUID, uuid5

from eventstore.decider import decider_of
from eventstore.dispatch import Context
from orders.commands import OrderCommand
from orders.events import evolve
from orders.money import rounded
from orders.state import Order
from orders.values import LineQuantity

NAMES = UUID("c3a1f6de-2b1f-49f7-8b64-6c1b0f3f7a55")
STAFF, COLLEAGUE = "staff:staff", "staff:maya"
HOURS, DAYS = timedelta(hours=1), timedelta(days=1)


class NotYet(Exception):
    """The next step of a story is in the future, so the order stays as it is now."""


@dataclass(kw_only=True)
class Life:
    """An order and the commands that led to its state. `at` is the time of the last command."""

    order_id: UUID
    customer: str
    at: datetime
    now: datetime
    random: Random
    order: Order = field(default_factory=Order)
    commands: list[tuple[OrderCommand, Context]] = field(default_factory=list)

    def do(self, kind: type, after: timedelta, actor: str = STAFF, **fields: Any) -> None:
        """Add a command `after` the previous one. Raises CommandRefused, or NotYet if that time is in the future."""
        if self.at + after > self.now:
            raise NotYet
        command = kind(order_id=self.order_id, **fields)
        self.order = reduce(evolve, decider_of(command).decide(command, self.order), self.order)
        self.at += after
        command_id = uuid5(NAMES, f"{self.order_id}/{len(self.commands)}")
        self.commands.append((command, Context(actor=actor, command_id=command_id, occurred_at=self.at)))

    def first_with(self, units: Callable[[Any], int]) -> tuple[LineQuantity, ...]:
        """Return the first line of goods for which `units` is not 0, with that number of units."""
        line = next(line for line in self.order.goods if units(line))
        return (LineQuantity(line_id=line.line_id, quantity=units(line)),)

    def reference(self, prefix: str) -> str:
        """Return a random reference of a payment provider."""
        return f"{prefix}_{self.random.randrange(10**10):010}"

    def share(self, amount: Decimal, *, per_cent: int) -> Decimal:
        """Return a percentage of an amount, rounded for the order's currency."""
        return rounded(amount * per_cent / 100, self.order.currency)
