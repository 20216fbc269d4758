"""What the importer keeps of each order: enough to match credit notes, and to predict the order's next state.

The importer sends a thousand commands at once and does not read states. So it counts for itself, as `orders.state`
does: the version of an order, its returns and refunds, and the units and money that are left of each line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from orders.money import part
from orders.values import ZERO

CURRENCY = "GBP"


class SoldLines(NamedTuple):
    """The lines of an order when it was placed, stored by column.

    This takes less memory than a list of lines: most orders are never named by a credit note.
    """

    codes: Sequence[str]
    prices: Sequence[Decimal]
    quantities: Sequence[int]
    totals: Sequence[Decimal]
    are_goods: Sequence[bool]


@dataclass(eq=False)
class Sale:
    """An order. `money` was paid and not given back; `unsent` units of goods are shipped at `ships_at`.

    `version`, `returns` and `refunds` are the counts after all commands so far.
    """

    order_id: UUID
    number: str
    customer: str
    ships_at: datetime
    sold: SoldLines
    money: Decimal
    unsent: int
    shipped: bool = False
    version: int = 0
    returns: int = 0
    refunds: int = 0

    @cached_property
    def lines(self) -> list["Purchase"]:
        """Return the lines, numbered from 1. They are created at the first use."""
        return [
            Purchase(self, line_id, price, quantity, total, quantity, is_goods)
            for line_id, (_, price, quantity, total, is_goods) in enumerate(zip(*self.sold, strict=True), start=1)
        ]

    def drop_lines(self) -> None:
        """Break the reference cycle of order and lines, because an import rarely runs the garbage collector."""
        self.__dict__.pop("lines", None)


@dataclass(slots=True, eq=False)
class Purchase:
    """A line of an order. `units` of its `quantity` were not taken back.

    `given_back` is the money that credit notes gave back. `reduced` is how much less the line costs now than at first,
    and `owed` the part of this that was not given back.
    """

    sale: Sale
    line_id: int
    price: Decimal
    quantity: int
    total: Decimal
    units: int
    is_goods: bool
    given_back: Decimal = ZERO
    reduced: Decimal = ZERO
    owed: Decimal = ZERO

    @property
    def money(self) -> Decimal:
        """Return the money that can still be given back."""
        return self.total - self.given_back

    def take(self, units: int, amount: Decimal) -> None:
        """Take units and money for a credit note; negative values put them back."""
        self.units -= units
        self.given_back += amount
        self.sale.money -= amount

    def reduce(self, units: int | None = None) -> Decimal:
        """Reduce the line's price by the `units` that were taken last, or to nothing; return the reduction.

        The last units get the rest, so that roundings add up.
        """
        amount = self.total - self.reduced
        if units is not None and self.units:
            before = self.quantity - self.units - units
            amount = min(part(self.total, of=self.quantity, before=before, take=units, currency=CURRENCY), amount)
        self.reduced += amount
        self.owed += amount
        return amount

    def refund(self, amount: Decimal) -> Decimal:
        """Count a refund. Return the part that is an allowance: money above what was owed, which reduces the price."""
        from_owed = min(amount, self.owed)
        self.owed -= from_owed
        self.reduced += amount - from_owed
        return amount - from_owed
