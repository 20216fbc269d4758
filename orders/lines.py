"""A line of an order with its counters: units, and amounts charged, taken off and given back."""

from dataclasses import dataclass, fields
from decimal import Decimal
from operator import attrgetter

from orders.money import part
from orders.values import ZERO, DiscountTerms, LineAmount, LineKind, OrderLine


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line and its counters. `total` is the price of all `quantity` units, including `tax`.

    Three counters lower the price: `cancelled` units, `credited` units (returned and restocked) and `allowance` (an
    amount without units). `owed_back` is the paid part of these reductions that no refund covers yet. `given_back` is
    the amount in pending and settled refunds, and `refunded` the units in them.
    """

    line_id: int
    sku: str
    name: str
    kind: LineKind
    quantity: int
    unit_price: Decimal
    amount: Decimal
    discount: Decimal
    discount_share: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal
    discount_terms: DiscountTerms | None = None
    held_share: Decimal | None = None
    cancelled: int = 0
    shipped: int = 0
    returned: int = 0
    credited: int = 0
    cancelled_amount: Decimal = ZERO
    credited_amount: Decimal = ZERO
    allowance: Decimal = ZERO
    tax_off: Decimal = ZERO
    owed_back: Decimal = ZERO
    refunded: int = 0
    given_back: Decimal = ZERO
    tax_given_back: Decimal = ZERO

    @property
    def is_goods(self) -> bool:
        """Return whether the line is shipped. Charges and shipping costs are not."""
        return self.kind is LineKind.GOODS

    @property
    def open(self) -> int:
        """Units neither cancelled nor shipped. Charges never ship, so theirs stay open until cancelled."""
        return self.quantity - self.cancelled - self.shipped

    @property
    def is_untouched(self) -> bool:
        """Return whether no unit was shipped or cancelled, and no refund, pending or settled, includes the line."""
        return not (self.cancelled or self.shipped or self.refunded or self.given_back)

    @property
    def charged(self) -> Decimal:
        """The price of the line after all reductions."""
        return self.total - self.off

    @property
    def off(self) -> Decimal:
        """The sum of all reductions: cancelled, credited and allowed."""
        return self.cancelled_amount + self.credited_amount + self.allowance

    def worth(self, units: int, currency: str) -> LineAmount:
        """Return the amount of the next `units` to be cancelled or credited. The last units take the rest."""
        gone, amount = self.cancelled + self.credited, self.charged
        if gone + units < self.quantity:
            amount = min(part(self.total, of=self.quantity, before=gone, take=units, currency=currency), amount)
        tax = self.tax_charged(amount, currency)
        return LineAmount(line_id=self.line_id, quantity=units, amount=amount, tax=tax)

    def tax_charged(self, amount: Decimal, currency: str) -> Decimal:
        """Return the tax in `amount` of the charged price. The whole charged price contains all the remaining tax."""
        return part(self.tax - self.tax_off, of=self.charged, take=amount, currency=currency)

    def tax_taken_off(self, amount: Decimal, currency: str) -> Decimal:
        """Return the tax in `amount` of the reductions not given back. All of them contain all the remaining tax."""
        return part(self.tax_off - self.tax_given_back, of=self.off - self.given_back, take=amount, currency=currency)


_SOLD_FIELDS = tuple(each.name for each in fields(OrderLine))
_INITIAL_COUNTERS = {each.name: each.default for each in fields(Line) if each.name not in _SOLD_FIELDS}
_read_sold_fields = attrgetter(*_SOLD_FIELDS)


def new_line(line: OrderLine) -> Line:
    """Return a line as sold, with all counters at their defaults.

    Fast path: fills `__dict__` instead of calling `Line(...)`, in half the time.
    """
    new = object.__new__(Line)
    new.__dict__.update(_INITIAL_COUNTERS)
    new.__dict__.update(zip(_SOLD_FIELDS, _read_sold_fields(line), strict=True))
    return new
