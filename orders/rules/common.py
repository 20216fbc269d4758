"""What many rules ask first."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from eventstore.errors import AggregateNotFound, CommandRefused
from orders.lines import Line
from orders.money import require_positive, rounded
from orders.state import Order, owed_by_line
from orders.values import ZERO, LineAmount, LineQuantity

T = TypeVar("T")


def require_placed(order_id: UUID, order: Order) -> None:
    """Raises AggregateNotFound."""
    if not order.is_placed:
        raise AggregateNotFound("order_not_found", "there is no order {order_id}", order_id=order_id)


def require_reason(reason: str) -> str:
    """The reason, without white space around it. Raises CommandRefused."""
    if not reason.strip():
        raise CommandRefused("no_reason", "say why, in words that make sense in a year")
    return reason.strip()


def require_currency(given: str, order: Order) -> None:
    """Raises CommandRefused where a currency is named that is not the order's."""
    if given not in ("", order.currency):
        raise CommandRefused(
            "currency_differs", "this order is in {currency}, not in {given}", currency=order.currency, given=given
        )


def amount_or(given: Decimal | None, default: Decimal, order: Order) -> Decimal:
    """The amount that was named, or else `default`; it is more than nothing. Raises CommandRefused."""
    return require_positive(default if given is None else given, order.currency)


def found(part: T | None, what: str, number: int) -> T:
    """Raises CommandRefused where the order has no such part."""
    if part is None:
        raise CommandRefused(f"{what}_not_found", _MISSING[what], number=number)
    return part


_MISSING = {
    "line": "this order has no line {number}",
    "payment": "this order has no payment {number}",
    "shipment": "this order has no parcel {number}",
    "refund": "this order has no refund {number}",
    "return": "this order has no return {number}",
}


def named_lines(named: Sequence[LineQuantity], order: Order) -> list[tuple[Line, int]]:
    """Each line that is named, with how many of its units: more than none, each line once. Raises CommandRefused."""
    if not named:
        raise CommandRefused("no_lines", "name at least one line")
    seen = set()
    lines = []
    for each in named:
        line = found(order.line(each.line_id), "line", each.line_id)
        if each.line_id in seen:
            raise CommandRefused("line_named_twice", "line {number} is named twice", number=each.line_id)
        if each.quantity <= 0:
            raise CommandRefused(
                "quantity_not_positive",
                "line {number}: {quantity} is not more than none",
                number=each.line_id,
                quantity=each.quantity,
            )
        seen.add(each.line_id)
        lines.append((line, each.quantity))
    return lines


def taken_off(amounts: Sequence[LineAmount], order: Order) -> tuple[tuple[LineAmount, ...], Decimal, Decimal]:
    """The amounts with what has to be given back of each; their sum; and what of it has to be given back in all."""
    amount = sum((each.amount for each in amounts), rounded(ZERO, order.currency))
    due_back = newly_owed(order, amount)
    return owed_by_line(amounts, due_back, order.currency), amount, due_back


def newly_owed(order: Order, off: Decimal) -> Decimal:
    """What has to be given back once the order costs `off` less, beyond what has to be, or is on its way, already."""
    after = max(order.refundable - (order.charged - off), ZERO)
    return rounded(after - order.owed, order.currency)
