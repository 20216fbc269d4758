"""Events of placing, editing and holding an order, and of its notes and addresses."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, personal, upcaster
from orders.lines import new_line
from orders.state import Order
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


PlacingEvent = OrderCreated
