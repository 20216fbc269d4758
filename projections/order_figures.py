"""An order's money, line by line: what each line costs now, and what was given back for it.

Every figure of the order is the sum of the same figure of its lines, and of what belongs to no line.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from orders.lines import Line
from orders.state import Order
from orders.values import ZERO, RefundStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFigures:
    """What a line costs now, with the tax in it and without tax, and its part of the refunds."""

    charged: Decimal
    net: Decimal
    tax: Decimal
    refunded: Decimal
    refund_pending: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFigures:
    """The sums over the lines that are no columns of the read models, and refunds that belong to no line."""

    charged: Decimal
    net: Decimal
    discount: Decimal
    refunded_overpayment: Decimal
    pending_overpayment: Decimal


def line_figures(order: Order) -> Iterator[tuple[Line, LineFigures]]:
    """Yield each line with its figures."""
    settled, pending = (_refunded_by_line(order, pending=each) for each in (False, True))
    for line in order.lines:
        tax = line.tax - line.tax_off
        figures = LineFigures(
            charged=line.charged,
            net=line.charged - tax,
            tax=tax,
            refunded=settled[line.line_id],
            refund_pending=pending[line.line_id],
        )
        yield line, figures


def order_figures(order: Order) -> OrderFigures:
    """Return the figures of the whole order."""
    settled, pending = (sum(_refunded_by_line(order, pending=each).values(), ZERO) for each in (False, True))
    return OrderFigures(
        charged=order.charged,
        net=order.charged - order.tax,
        discount=sum((line.discount + line.discount_share for line in order.lines), ZERO),
        refunded_overpayment=order.refunded - settled,
        pending_overpayment=order.refund_pending - pending,
    )


def _refunded_by_line(order: Order, *, pending: bool) -> defaultdict[int, Decimal]:
    """Return the amounts of settled or of pending refunds, by line."""
    amounts: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
    for refund in order.refunds:
        if refund.is_pending if pending else refund.status is RefundStatus.SETTLED:
            for part in refund.lines:
                amounts[part.line_id] += part.amount
    return amounts
