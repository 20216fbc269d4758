"""Checks and sums that several rules share."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from eventstore.errors import AggregateNotFound, CommandRefused
from orders.lines import Line
from orders.money import require_positive, rounded
from orders.state import Order, spread_due_back
from orders.values import ZERO, LineAmount, LineQuantity

T = TypeVar("T")


def require_placed(order_id: UUID, order: Order) -> None:
    """Raise AggregateNotFound unless the order is placed."""
    if not order.is_placed:
        raise AggregateNotFound("order_not_found", "there is no order {order_id}", order_id=order_id)


def require_reason(reason: str) -> str:
    """Return the reason without surrounding white space. Raises CommandRefused if it is empty."""
    if not reason.strip():
        raise CommandRefused("no_reason", "give a reason that will still make sense in a year")
    return reason.strip()


def require_currency(currency: str, order: Order) -> None:
    """Raise CommandRefused if the command names another currency than the order's."""
    if currency not in ("", order.currency):
        raise CommandRefused(
            "currency_differs", "this order is in {currency}, not in {given}", currency=order.currency, given=currency
        )


def amount_or(amount: Decimal | None, default: Decimal, order: Order) -> Decimal:
    """Return `amount`, or `default` if it is None. Raises CommandRefused unless it is above zero and exact."""
    return require_positive(default if amount is None else amount, order.currency)


def require_part(part: T | None, kind: str, number: int) -> T:
    """Return the part. Raises CommandRefused if the order does not have it."""
    if part is None:
        raise CommandRefused(f"{kind}_not_found", _MISSING[kind], number=number)
    return part


_MISSING = {
    "line": "this order has no line {number}",
    "payment": "this order has no payment {number}",
    "shipment": "this order has no parcel {number}",
    "refund": "this order has no refund {number}",
    "return": "this order has no return {number}",
}


def require_lines(named: Sequence[LineQuantity], order: Order) -> list[tuple[Line, int]]:
    """Return each named line with its units. Raises CommandRefused for unknown or repeated lines, and units below 1."""
    if not named:
        raise CommandRefused("no_lines", "name at least one line")
    seen = set()
    lines = []
    for each in named:
        line = require_part(order.line(each.line_id), "line", each.line_id)
        if each.line_id in seen:
            raise CommandRefused("line_named_twice", "line {number} is named twice", number=each.line_id)
        if each.quantity <= 0:
            raise CommandRefused(
                "quantity_not_positive",
                "line {number}: the quantity {quantity} must be more than zero",
                number=each.line_id,
                quantity=each.quantity,
            )
        seen.add(each.line_id)
        lines.append((line, each.quantity))
    return lines


def reduction(amounts: Sequence[LineAmount], order: Order) -> tuple[tuple[LineAmount, ...], Decimal, Decimal]:
    """Return the amounts, each with its part due back; their sum; and the total due back."""
    amount = sum((each.amount for each in amounts), rounded(ZERO, order.currency))
    due_back = newly_due_back(order, amount)
    return spread_due_back(amounts, due_back, order.currency), amount, due_back


def newly_due_back(order: Order, off: Decimal) -> Decimal:
    """Return how much more is owed to the customer, beyond pending refunds, once the order costs `off` less."""
    after = max(order.refundable - (order.charged - off), ZERO)
    return rounded(after - order.owed, order.currency)
