"""Events of placing, editing and holding an order, and of its notes and addresses."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, personal, public, same_shape, upcaster
from orders.discounts import fixed_terms, with_fixed_discounts
from orders.lines import new_line
from orders.state import Order
from orders.values import Discount, OrderLine


@event(
    "order.created",
    schema_version=4,
    subject=("customer_id", "order_id"),
    since={"reference": 4, "country": 4, "lines": 4, "discounts": 4},
)
class OrderCreated:
    """An order was placed.

    `customer_id` is None for a guest, whose personal data belongs to the order. `discounts` are on the whole order,
    with what each takes off; each line's `discount_share` is its part. `total` includes `tax`.
    """

    order_id: UUID
    reference: str = personal(for_programs=True)
    customer_id: UUID | None
    customer_name: str = personal()
    customer_email: str = personal()
    shipping_address: str = personal()
    billing_address: str = personal()
    country: str = personal(for_programs=True)
    currency: str = public()
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
            discounts=self.discounts,
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


@upcaster("order.created", from_version=2)
def _created_with_amounts_for_discounts(stored: dict[str, Any]) -> dict[str, Any]:
    """Until version 2 a discount was an amount: a fixed one. Each line keeps the share that the event gave it."""
    discounts = [each | {"terms": fixed_terms(each["amount"])} for each in stored["discounts"]]
    lines = [with_fixed_discounts(line) for line in stored["lines"]]
    if not discounts:
        lines = [line | {"held_share": None} for line in lines]
    return stored | {"lines": lines, "discounts": discounts}


same_shape("order.created", from_version=3)

PlacingEvent = OrderCreated
