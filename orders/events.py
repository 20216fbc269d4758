"""The facts of an order. All that projections know of this domain."""

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from eventstore.messages import event, personal, value


class LineKind(StrEnum):
    """Goods are packed and shipped; a charge (postage, a bank fee) only costs."""

    GOODS = "goods"
    CHARGE = "charge"


@value
class OrderLine:
    """A line as it was sold: a snapshot, never a reference to a catalogue.

    `line_id` numbers the lines of one order from 1, so the same sku may stand in it twice. `amount` is quantity times
    unit price, rounded once to the currency's smallest unit.
    """

    line_id: int
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    amount: Decimal
    kind: LineKind = LineKind.GOODS


@event("order.created", subject=("customer_id", "order_id"))
class OrderCreated:
    """A guest has no `customer_id`: their personal data belongs to the order alone."""

    order_id: UUID
    reference: str
    customer_id: UUID | None
    customer_name: str = personal()
    customer_email: str = personal()
    country: str
    currency: str
    lines: tuple[OrderLine, ...]
    total: Decimal


@event("order.paid")
class OrderPaid:
    order_id: UUID
    payment_method: str
    payment_reference: str
    amount: Decimal
    currency: str


@event("order.shipped")
class OrderShipped:
    order_id: UUID
    carrier: str
    tracking_code: str


@event("order.cancelled")
class OrderCancelled:
    """`amount` is what is no longer sold; `due_back` what was paid for it and has to be given back."""

    order_id: UUID
    reason: str
    amount: Decimal
    due_back: Decimal
    currency: str


@event("order.restored")
class OrderRestored:
    """The order is again what it was at an earlier `version`.

    `sold_again` is what is sold once more (below zero: no longer); `not_due_back` what need not be given back after all
    (below zero: has to be); `due` is what is to be paid from here on.
    """

    order_id: UUID
    version: int
    reason: str
    status: str
    sold_again: Decimal
    not_due_back: Decimal
    due: Decimal
    currency: str


OrderEvent = OrderCreated | OrderPaid | OrderShipped | OrderCancelled | OrderRestored
