"""What a person gives away without moving money: lower prices, discounts, and what an order is no longer charged for.

Goods that are taken out of an order do not ship, so cancelling them gives nothing away. What the customer has paid and
is owed back counts when it leaves: as a refund, or when an edit spends it on other goods.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from orders.events import EditCommitted, LinesCancelled, ReturnReceived
from orders.lines import Line
from orders.money import rounded
from orders.state import Order
from orders.values import ZERO, OrderLine


def discounts(lines: Iterable[OrderLine | Line]) -> Decimal:
    """Return what all discounts take off these lines."""
    return sum((line.discount + line.discount_share for line in lines), ZERO)


def given_by_edit(event: EditCommitted, order: Order) -> Decimal:
    """Return what an edit gives away: the greater of what is no longer due and what is sold for less, and used credit.

    `order` is the order before it. Sold for less are more discounts, and goods that the order has at a higher price.
    """
    after = event.apply(order)
    more_discounts = max(discounts(after.lines) - discounts(order.lines), ZERO)
    used_credit = max(order.owed - after.owed, ZERO)
    return max(_no_longer_due(order, after), more_discounts + _undercut(order, after)) + used_credit


def given_by_cancelling(event: LinesCancelled, order: Order) -> Decimal:
    """Return what is no longer due for charges and shipping costs, while goods of the order are still to be had."""
    after = event.apply(order)
    if not any(line.quantity > line.cancelled for line in after.goods):
        return ZERO
    charges = {line.line_id for line in order.lines if not line.is_goods}
    taken_off = sum((each.amount for each in event.lines if each.line_id in charges), ZERO)
    return min(taken_off, _no_longer_due(order, after))


def given_by_return(event: ReturnReceived, order: Order) -> Decimal:
    """Return what is no longer due for goods that were shipped before they were paid, and are said to be back."""
    return _no_longer_due(order, event.apply(order))


def _no_longer_due(before: Order, after: Order) -> Decimal:
    return max(before.due - after.due, ZERO)


def _undercut(before: Order, after: Order) -> Decimal:
    """Return how much less new lines cost than the order's lines with the same sku, cancelled and removed ones too."""
    prices: dict[str, Decimal] = {}
    for line in before.lines:
        prices[_article(line)] = max(_unit_price(line, before), prices.get(_article(line), ZERO))
    new: Sequence[Line] = [line for line in after.lines if before.line(line.line_id) is None]
    less = (line.quantity * (prices.get(_article(line), ZERO) - _unit_price(line, after)) for line in new)
    return rounded(sum((each for each in less if each > 0), ZERO), before.currency)


def _article(line: Line) -> str:
    return "".join(line.sku.split()).casefold()


def _unit_price(line: Line, order: Order) -> Decimal:
    return line.unit_price if order.prices_include_tax else line.unit_price * (1 + line.tax_rate / 100)
