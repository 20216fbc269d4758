"""A line of an order and its counters: what it costs, what was taken off it, and what was given back for it."""

from dataclasses import dataclass, fields
from decimal import Decimal
from operator import attrgetter

from orders.money import part
from orders.values import ZERO, LineAmount, LineKind, OrderLine


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line and its counters. `total` is what its `quantity` units cost, `tax` in it.

    What no longer has to be paid is counted by why: units `cancelled`, units that came back and were `credited`, and
    `allowance`, a sum without units. `owed_back` is what of it was paid and no refund gives back yet; `given_back` what
    refunds, pending or settled, do, for `refunded` units and by amount.
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
        return self.kind is LineKind.GOODS

    @property
    def open(self) -> int:
        """Units that are sold and were not sent; of what is no goods, those that were not cancelled."""
        return self.quantity - self.cancelled - self.shipped

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was done with it since it was sold: nothing sent, cancelled, refunded or to be refunded."""
        return not (self.cancelled or self.shipped or self.refunded or self.given_back)

    @property
    def charged(self) -> Decimal:
        """What the line costs after all that was taken off."""
        return self.total - self.off

    @property
    def off(self) -> Decimal:
        """What was taken off: it need not be paid, or has to be given back."""
        return self.cancelled_amount + self.credited_amount + self.allowance

    def worth(self, units: int, currency: str) -> LineAmount:
        """What the next `units` that are cancelled or come back come to. The last ones take whatever is left."""
        gone, amount = self.cancelled + self.credited, self.charged
        if gone + units < self.quantity:
            amount = min(part(self.total, of=self.quantity, before=gone, take=units, currency=currency), amount)
        tax = self.tax_charged(amount, currency)
        return LineAmount(line_id=self.line_id, quantity=units, amount=amount, tax=tax)

    def tax_charged(self, amount: Decimal, currency: str) -> Decimal:
        """The tax in `amount` of what the line still costs: in all of it, all that is left."""
        return part(self.tax - self.tax_off, of=self.charged, take=amount, currency=currency)

    def tax_taken_off(self, amount: Decimal, currency: str) -> Decimal:
        """The tax in `amount` of what was taken off and not given back: in all of it, all that is left."""
        return part(self.tax_off - self.tax_given_back, of=self.off - self.given_back, take=amount, currency=currency)


_SOLD = tuple(each.name for each in fields(OrderLine))
_NOTHING_COUNTED = {each.name: each.default for each in fields(Line) if each.name not in _SOLD}
_read = attrgetter(*_SOLD)


def new_line(line: OrderLine) -> Line:
    """A line as it was sold, with nothing counted yet: the fields of the same names. Half the time of `Line(...)`."""
    new = object.__new__(Line)
    new.__dict__.update(_NOTHING_COUNTED)
    new.__dict__.update(zip(_SOLD, _read(line), strict=True))
    return new
