"""Events of placing, editing and holding an order, and of its notes and addresses."""

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
    """An order was placed.

    `customer_id` is None for a guest, whose personal data belongs to the order. `discounts` are on the whole order;
    each line's `discount_share` is its part. `total` includes `tax`.
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
        """Set the customer, the currency and the lines."""
        return order.with_changes(
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
    """An edit was prepared; the order is unchanged. `difference` is the change of its price (below zero: cheaper)."""

    order_id: UUID
    lines: tuple[OrderLine, ...]
    difference: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        """Store the edit as staged."""
        return order.with_changes(staged=StagedEdit(lines=self.lines, difference=self.difference))


@event("order.edit_discarded")
class EditDiscarded:
    """The prepared edit was dropped."""

    order_id: UUID

    def apply(self, order: Order) -> Order:
        """Remove the staged edit."""
        return order.with_changes(staged=None)


@event("order.edit_committed")
class EditCommitted:
    """The order was edited.

    `lines` are the changed and new lines after the edit; a removed line has quantity 0. `due` and `due_back` are the
    amounts due and due back afterwards.
    """

    order_id: UUID
    lines: tuple[OrderLine, ...]
    difference: Decimal
    due: Decimal
    due_back: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        """Replace the changed lines, append the new ones, and remove the staged edit."""
        return order.with_changes(lines=edited(order.lines, self.lines), staged=None)


def edited(lines: Iterable[Line], changes: Iterable[OrderLine]) -> tuple[Line, ...]:
    """Return the lines with the changed ones replaced and the new ones appended."""
    changed = {line.line_id: new_line(line) for line in changes}
    existing = [changed.pop(line.line_id, line) for line in lines]
    return (*existing, *changed.values())


@event("order.held")
class OrderHeld:
    """The order was put on hold: nothing ships until it is released."""

    order_id: UUID
    reason: str

    def apply(self, order: Order) -> Order:
        """Put the order on hold."""
        return order.with_changes(on_hold=True)


@event("order.released")
class OrderReleased:
    """The order is no longer on hold."""

    order_id: UUID
    reason: str

    def apply(self, order: Order) -> Order:
        """Release the order."""
        return order.with_changes(on_hold=False)


@event("order.note_added", subject=("customer_id", "order_id"))
class NoteAdded:
    """A note was added. Only staff read it, unless it is `visible` to the customer."""

    order_id: UUID
    customer_id: UUID | None
    text: str = personal()
    visible: bool

    def apply(self, order: Order) -> Order:
        """Return the order unchanged: no rule reads notes."""
        return order


@event("order.address_changed", subject=("customer_id", "order_id"))
class AddressChanged:
    """The shipping address was changed."""

    order_id: UUID
    customer_id: UUID | None
    shipping_address: str = personal()
    country: str

    def apply(self, order: Order) -> Order:
        """Return the order unchanged: no rule reads addresses."""
        return order
