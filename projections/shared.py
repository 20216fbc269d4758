"""What the read models have in common: a column for money, a line as JSON, the words for a status."""

from typing import Any

from django.db import models

from orders.events import OrderLine


class Status(models.TextChoices):
    CREATED = "created", "Created"
    PAID = "paid", "Paid"
    SHIPPED = "shipped", "Shipped"
    CANCELLED = "cancelled", "Cancelled"


def money() -> "models.DecimalField[Any, Any]":
    """An amount in the row's currency, exact: four decimals hold every currency, the digits a day of largest orders."""
    return models.DecimalField(max_digits=30, decimal_places=4)


def line_as_json(line: OrderLine) -> dict[str, Any]:
    """Amounts as strings: a JSON number would be read back as a float."""
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
        "amount": str(line.amount),
        "kind": line.kind.value,
    }
