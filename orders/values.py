"""What the facts and the wishes of an order are made of."""

from decimal import Decimal
from enum import StrEnum

from eventstore.messages import value

ZERO = Decimal(0)
MOST_UNITS = 10**9
"""No line has more."""


class LineKind(StrEnum):
    """Goods are packed and shipped; shipping is what sending them costs; any other charge only costs."""

    GOODS = "goods"
    CHARGE = "charge"
    SHIPPING = "shipping"


class RefundStatus(StrEnum):
    """What is requested or approved is pending: it takes from what may still be refunded, and is not given back yet."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SETTLED = "settled"
    FAILED = "failed"
    DECLINED = "declined"


class ReturnStatus(StrEnum):
    """Approved goods are on their way back; of a received return nothing is outstanding."""

    REQUESTED = "requested"
    APPROVED = "approved"
    RECEIVED = "received"
    DECLINED = "declined"


class ReturnReason(StrEnum):
    DAMAGED = "damaged"
    WRONG_ARTICLE = "wrong_article"
    NOT_AS_DESCRIBED = "not_as_described"
    UNWANTED = "unwanted"
    OTHER = "other"


@value
class OrderLine:
    """A line as it was sold: a snapshot, never a reference to a catalogue.

    `line_id` numbers the lines of one order from 1, so the same sku may stand in it twice. `amount` is quantity times
    unit price, rounded once to the currency's smallest unit; `discount` is taken off this line, `discount_share` is its
    part of what is taken off the whole order. `total` is what is to be paid for the line, `tax` (at `tax_rate` per
    cent) included.
    """

    line_id: int
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    amount: Decimal
    kind: LineKind = LineKind.GOODS
    discount: Decimal = ZERO
    discount_share: Decimal = ZERO
    tax_rate: Decimal = ZERO
    tax: Decimal = ZERO
    total: Decimal


@value
class Discount:
    """What is taken off a whole order. The lines say which part of it falls on each."""

    name: str
    amount: Decimal


@value
class LineQuantity:
    """So many units of a line."""

    line_id: int
    quantity: int


@value
class LineAmount:
    """So many units of a line, and what they come to: `amount`, with `tax` in it, of which `due_back` was paid."""

    line_id: int
    quantity: int
    amount: Decimal
    tax: Decimal
    due_back: Decimal = ZERO


@value
class RefundLine:
    """What a refund gives back for a line, with `tax` in it; `quantity` where it is for units.

    `allowance`, with `allowance_tax` in it, is the part that was not owed for units cancelled or returned: it lowers
    what the line costs.
    """

    line_id: int
    quantity: int
    amount: Decimal
    tax: Decimal
    allowance: Decimal = ZERO
    allowance_tax: Decimal = ZERO
