"""The life of one order of the demo shop.

Each command is put to the rules at once, so that the next one of a story knows what is due, open or owed.
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
    """The next step of a story is in the future: the order is left as it is now."""


@dataclass(kw_only=True)
class Life:
    """An order so far, and the commands that made it so."""

    order_id: UUID
    customer: str
    at: datetime
    now: datetime
    random: Random
    order: Order = field(default_factory=Order)
    steps: list[tuple[OrderCommand, Context]] = field(default_factory=list)

    def do(self, kind: type, after: timedelta, actor: str = STAFF, **fields: Any) -> None:
        """Send a command so long after the one before it. Raises CommandRefused, NotYet."""
        if self.at + after > self.now:
            raise NotYet
        command = kind(order_id=self.order_id, **fields)
        self.order = reduce(evolve, decider_of(command).decide(command, self.order), self.order)
        self.at += after
        command_id = uuid5(NAMES, f"{self.order_id}/{len(self.steps)}")
        self.steps.append((command, Context(actor=actor, command_id=command_id, occurred_at=self.at)))

    def some(self, units: Callable[[Any], int]) -> tuple[LineQuantity, ...]:
        """The first line of goods that has any such units, and how many."""
        line = next(line for line in self.order.goods if units(line))
        return (LineQuantity(line_id=line.line_id, quantity=units(line)),)

    def reference(self, what: str) -> str:
        return f"{what}_{self.random.randrange(10**10):010}"

    def share(self, of: Decimal, *, per_cent: int) -> Decimal:
        return rounded(of * per_cent / 100, self.order.currency)
