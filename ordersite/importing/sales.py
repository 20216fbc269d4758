"""What is remembered of an imported order: enough to find what a credit note means, and to foretell what comes of it.

The importer sends a thousand commands at once and sees no state. So it counts along: which version an order is at, how
many returns and refunds it has, and what is left of each of its lines, as `orders.state` counts it.
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


class Sold(NamedTuple):
    """The lines of an order when it was placed, a tuple a column: most orders are never named by a credit note."""

    codes: Sequence[str]
    prices: Sequence[Decimal]
    quantities: Sequence[int]
    totals: Sequence[Decimal]
    are_goods: Sequence[bool]


@dataclass(eq=False)
class Sale:
    """An order. `money` was paid for it and not given back; `unsent` units of goods leave at `ships_at`.

    `version`, `returns` and `refunds` are what the order has once every command so far is done.
    """

    order_id: UUID
    number: str
    customer: str
    ships_at: datetime
    sold: Sold
    money: Decimal
    unsent: int
    shipped: bool = False
    version: int = 0
    returns: int = 0
    refunds: int = 0

    @cached_property
    def lines(self) -> list["Purchase"]:
        """Its lines, numbered from 1; made when a credit note first asks for them."""
        return [
            Purchase(self, line_id, price, quantity, total, quantity, is_goods)
            for line_id, (_, price, quantity, total, is_goods) in enumerate(zip(*self.sold, strict=True), start=1)
        ]

    def let_go(self) -> None:
        """It and its lines know each other, and the collector that looks for such comes seldom in an import."""
        self.__dict__.pop("lines", None)


@dataclass(slots=True, eq=False)
class Purchase:
    """A line of an order. `units` of its `quantity` were not taken back.

    `given_back` is what credit notes gave back for it, `off` what it costs less than at first, `owed` what of that was
    not given back.
    """

    sale: Sale
    line_id: int
    price: Decimal
    quantity: int
    total: Decimal
    units: int
    is_goods: bool
    given_back: Decimal = ZERO
    off: Decimal = ZERO
    owed: Decimal = ZERO

    @property
    def money(self) -> Decimal:
        """The most that can still be given back for it."""
        return self.total - self.given_back

    def take(self, units: int, amount: Decimal) -> None:
        """Let a credit note have these units and this money; less than none puts them back."""
        self.units -= units
        self.given_back += amount
        self.sale.money -= amount

    def taken_off(self, units: int | None = None) -> Decimal:
        """What the order costs less by the `units` that were taken last, or by the whole line.

        The last units take whatever is left.
        """
        amount = self.total - self.off
        if units is not None and self.units:
            before = self.quantity - self.units - units
            amount = min(part(self.total, of=self.quantity, before=before, take=units, currency=CURRENCY), amount)
        self.off += amount
        self.owed += amount
        return amount

    def refunded(self, amount: Decimal) -> Decimal:
        """What of a refund is an allowance: more than was owed, so that the line costs less by it."""
        from_owed = min(amount, self.owed)
        self.owed -= from_owed
        self.off += amount - from_owed
        return amount - from_owed
