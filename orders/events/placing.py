"""An order is placed, edited, held, noted, and sent elsewhere."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, personal, upcaster
from orders.lines import Line, new_line
from orders.state import Order, StagedEdit
from orders.values import Discount, OrderLine


@event("order.created", schema_version=2, subject=("customer_id", "order_id"))
class OrderCreated:
    """A guest has no `customer_id`: their personal data belongs to the order alone.

    `discounts` were taken off the whole order: each line's `discount_share` is its part. `total` has `tax` in it.
    """

    order_id: UUID
    reference: str
    customer_id: UUID | None
    customer_name: str = personal()
    customer_email: str = personal()
    shipping_address: str = personal()
    billing_address: str = personal()
    country: str
    currency: str
    prices_include_tax: bool
    lines: tuple[OrderLine, ...]
    discounts: tuple[Discount, ...]
    tax: Decimal
    total: Decimal

    def apply(self, order: Order) -> Order:
        return order.having(
            customer_id=self.customer_id,
            currency=self.currency,
            prices_include_tax=self.prices_include_tax,
            lines=tuple(new_line(line) for line in self.lines),
        )


@upcaster("order.created", from_version=1)
def _created_without_tax_or_discount(stored: dict[str, Any]) -> dict[str, Any]:
    return stored | {
        "shipping_address": "",
        "billing_address": "",
        "prices_include_tax": True,
        "lines": [line | {"total": line["amount"]} for line in stored["lines"]],
        "discounts": [],
        "tax": "0",
    }


@event("order.edit_staged")
class EditStaged:
    """What the lines would be, and by how much the order would cost more (below zero: less). Nothing changed yet."""

    order_id: UUID
    lines: tuple[OrderLine, ...]
    difference: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        return order.having(staged=StagedEdit(lines=self.lines, difference=self.difference))


@event("order.edit_discarded")
class EditDiscarded:
    order_id: UUID

    def apply(self, order: Order) -> Order:
        return order.having(staged=None)


@event("order.edit_committed")
class EditCommitted:
    """`lines` are those that changed or are new, as they are from here on; a removed one has no units.

    `due` and `due_back` are what is to be paid, or to be given back, after it.
    """

    order_id: UUID
    lines: tuple[OrderLine, ...]
    difference: Decimal
    due: Decimal
    due_back: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        return order.having(lines=edited(order.lines, self.lines), staged=None)


def edited(lines: Iterable[Line], changes: Iterable[OrderLine]) -> tuple[Line, ...]:
    """The lines with the changed ones replaced and the new ones behind them."""
    changed = {line.line_id: new_line(line) for line in changes}
    kept = [changed.pop(line.line_id, line) for line in lines]
    return (*kept, *changed.values())


@event("order.held")
class OrderHeld:
    order_id: UUID
    reason: str

    def apply(self, order: Order) -> Order:
        return order.having(on_hold=True)


@event("order.released")
class OrderReleased:
    order_id: UUID
    reason: str

    def apply(self, order: Order) -> Order:
        return order.having(on_hold=False)


@event("order.note_added", subject=("customer_id", "order_id"))
class NoteAdded:
    """A note that only the shop reads, unless it is `visible` to the customer."""

    order_id: UUID
    customer_id: UUID | None
    text: str = personal()
    visible: bool

    def apply(self, order: Order) -> Order:
        return order


@event("order.address_changed", subject=("customer_id", "order_id"))
class AddressChanged:
    order_id: UUID
    customer_id: UUID | None
    shipping_address: str = personal()
    country: str

    def apply(self, order: Order) -> Order:
        return order
