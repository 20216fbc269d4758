"""Value objects and enums that the events and commands of an order share."""

from dataclasses import field
from decimal import Decimal
from enum import StrEnum

from eventstore.messages import personal, value

ZERO = Decimal(0)
MOST_UNITS = 10**9
"""The largest quantity of a line."""
MOST_LINES = 5_020
"""The most lines of an order: 5,000 that are ordered, and 20 for shipping. A line that was removed counts."""
UNITS = "The number of units: whole ones, never a part of one."
"""What the API and forms say of a quantity. A shop that sells by weight or length makes the unit that small."""


class LineKind(StrEnum):
    """Goods are packed and shipped. Shipping is the cost of sending them. Any other cost is a charge."""

    GOODS = "goods"
    CHARGE = "charge"
    SHIPPING = "shipping"


class DiscountKind(StrEnum):
    """Fixed: one amount. Per unit: an amount for each unit. Percent: a part of the price."""

    FIXED = "fixed"
    PER_UNIT = "per_unit"
    PERCENT = "percent"


class OrderDiscountKind(StrEnum):
    """The kinds of a discount on the whole order. A discount for each unit belongs to a line."""

    FIXED = "fixed"
    PERCENT = "percent"


class RefundStatus(StrEnum):
    """Requested and approved refunds are pending: their amount is reserved, but not given back yet."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SETTLED = "settled"
    FAILED = "failed"
    DECLINED = "declined"


class ReturnStatus(StrEnum):
    """Approved: the goods may be sent back. Received: no units are outstanding."""

    REQUESTED = "requested"
    APPROVED = "approved"
    RECEIVED = "received"
    DECLINED = "declined"


class ReturnReason(StrEnum):
    """Why a customer returns goods."""

    DAMAGED = "damaged"
    WRONG_ARTICLE = "wrong_article"
    NOT_AS_DESCRIBED = "not_as_described"
    UNWANTED = "unwanted"
    OTHER = "other"


@value
class DiscountTerms:
    """What a discount is. Every edit applies the terms again, so an edit and its reversal change nothing.

    `amount` is an amount of money, or per cent for `percent`. The discount takes off at most `most` (None: no limit),
    and never more than the price.
    """

    kind: DiscountKind
    amount: Decimal
    most: Decimal | None = None


@value
class OrderLine:
    """A line as sold: a snapshot, not a reference to a catalogue.

    `line_id` numbers the lines of one order from 1, so an order may have the same sku twice. `amount` is quantity times
    unit price, rounded once to the currency's smallest unit. `discount` is taken off this line under `discount_terms`.
    `discount_share` is the line's share of the discounts on the whole order. With a `held_share`, an edit no longer
    divides them again for this line: its share is the held one, or the price if that is lower. `total` is the price of
    the line, including `tax` at `tax_rate` per cent.
    """

    line_id: int
    sku: str = personal(for_programs=True)
    name: str = personal(for_programs=True)
    quantity: int
    unit_price: Decimal
    amount: Decimal
    kind: LineKind = LineKind.GOODS
    discount: Decimal = ZERO
    discount_terms: DiscountTerms | None = None
    discount_share: Decimal = ZERO
    held_share: Decimal | None = None
    tax_rate: Decimal = ZERO
    tax: Decimal = ZERO
    total: Decimal


@value
class Discount:
    """A discount on the whole order. `amount` is what it takes off under its `terms`; each line stores its share."""

    name: str = personal(for_programs=True)
    amount: Decimal
    terms: DiscountTerms


@value
class LineQuantity:
    """A number of whole units of a line."""

    line_id: int
    quantity: int = field(metadata={"serializer_kwargs": {"help_text": UNITS}})


@value
class LineAmount:
    """A number of units of a line and their `amount`, including `tax`. The customer gets `due_back` of it back."""

    line_id: int
    quantity: int
    amount: Decimal
    tax: Decimal
    due_back: Decimal = ZERO


@value
class RefundLine:
    """The part of a refund for one line: `amount`, including `tax`. `quantity` is 0 where it is not for units.

    `allowance`, including `allowance_tax`, is the part of `amount` that is not owed for cancelled or returned units. It
    lowers the price of the line.
    """

    line_id: int
    quantity: int
    amount: Decimal
    tax: Decimal
    allowance: Decimal = ZERO
    allowance_tax: Decimal = ZERO
