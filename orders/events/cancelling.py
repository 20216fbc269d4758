"""An order, or a part of it, is no longer sold; or is after all."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import event, upcaster
from orders.immutable import changed
from orders.lines import Line
from orders.state import Order, owed_by_line
from orders.values import ZERO, LineAmount


@event("order.restored", schema_version=2)
class OrderRestored:
    """What was cancelled since an earlier `version` is sold again.

    `lines` says of which line how many units and what they come to; below zero, it is no longer sold after all.
    `sold_again` is the sum of it, `not_due_back` what need not be given back after all (below zero: has to be), `due`
    what is to be paid from here on, and `written_off` what of it is a bad debt again. None of the version 1 knew its
    lines: there, everything was cancelled, or nothing.
    """

    order_id: UUID
    version: int
    reason: str
    status: str
    lines: tuple[LineAmount, ...] | None
    sold_again: Decimal
    not_due_back: Decimal
    due: Decimal
    written_off: Decimal = ZERO
    currency: str

    def apply(self, order: Order) -> Order:
        again = self.lines if self.lines is not None else _all_again(order, cancelled=self.status == "cancelled")
        order = _cancelled(order, (_reversed(each) for each in again))
        return order.having(bad_debt=order.bad_debt + self.written_off)


def _all_again(order: Order, *, cancelled: bool) -> Iterable[LineAmount]:
    if cancelled:
        worth = (line.worth(line.open, order.currency) for line in order.lines)
        yield from (_reversed(each) for each in owed_by_line(worth, order.kept, order.currency))
        return
    for line in order.lines:
        yield LineAmount(
            line_id=line.line_id,
            quantity=line.cancelled,
            amount=line.cancelled_amount,
            tax=line.tax_off,
            due_back=line.owed_back,
        )


def _reversed(each: LineAmount) -> LineAmount:
    return replace(each, quantity=-each.quantity, amount=-each.amount, tax=-each.tax, due_back=-each.due_back)


@upcaster("order.restored", from_version=1)
def _restored_as_a_whole(stored: dict[str, Any]) -> dict[str, Any]:
    return stored | {"lines": None}


@event("order.cancelled")
class OrderCancelled:
    """Everything that was not sent is no longer sold: all of the order, or, once a parcel left, the rest of its goods.

    `amount` is what that comes to; `due_back` what was paid for it and has to be given back.
    """

    order_id: UUID
    reason: str
    amount: Decimal
    due_back: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        worth = (line.worth(line.open, order.currency) for line in cancellable(order))
        return _cancelled(order, owed_by_line(worth, self.due_back, order.currency))


def cancellable(order: Order) -> list[Line]:
    """The lines of which something can still be cancelled: what sending them costs only until something was sent."""
    return [line for line in order.lines if line.open and (line.is_goods or not order.anything_shipped)]


def _cancelled(order: Order, amounts: Iterable[LineAmount]) -> Order:
    by_line = {amount.line_id: amount for amount in amounts}
    return order.having(lines=tuple(_line_cancelled(line, by_line.get(line.line_id)) for line in order.lines))


def _line_cancelled(line: Line, amount: LineAmount | None) -> Line:
    if amount is None:
        return line
    return changed(
        line,
        cancelled=line.cancelled + amount.quantity,
        cancelled_amount=line.cancelled_amount + amount.amount,
        tax_off=line.tax_off + amount.tax,
        owed_back=line.owed_back + amount.due_back,
    )


@event("order.lines_cancelled")
class LinesCancelled:
    """Some units of some lines are no longer sold; `amount` and `due_back` as of a whole cancellation."""

    order_id: UUID
    lines: tuple[LineAmount, ...]
    reason: str
    amount: Decimal
    due_back: Decimal
    currency: str

    def apply(self, order: Order) -> Order:
        return _cancelled(order, self.lines)
