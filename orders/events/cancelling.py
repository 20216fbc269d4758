"""Events of cancelling orders or lines, and of undoing a cancellation."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, public, same_shape, upcaster
from orders.immutable import changed
from orders.lines import Line
from orders.state import Order, spread_due_back
from orders.values import ZERO, LineAmount


@event("order.restored", schema_version=3, subject=OF_AGGREGATE)
class OrderRestored:
    """Cancellations after an earlier `version` were undone.

    `lines` are the units and amounts that are sold again; below zero: cancelled again. `sold_again` is their sum.
    `not_due_back` is the amount no longer to be given back; below zero: to be given back again. `due` is the amount due
    afterwards, and `written_off` the part of it that is bad debt again. `lines` is None in events of version 1, which
    undid a whole cancellation or a whole restoration.
    """

    order_id: UUID
    version: int
    reason: str = personal(for_programs=True)
    status: str = public()
    lines: tuple[LineAmount, ...] | None
    sold_again: Decimal
    not_due_back: Decimal
    due: Decimal
    written_off: Decimal = ZERO
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Lower the cancelled units and amounts of the lines."""
        lines = self.lines if self.lines is not None else _all_lines(order, cancelled=self.status == "cancelled")
        order = _cancelled(order, (_reversed(each) for each in lines))
        return order.with_changes(bad_debt=order.bad_debt + self.written_off)


def _all_lines(order: Order, *, cancelled: bool) -> Iterable[LineAmount]:
    """Yield the `lines` that version 1 did not store: all open units are cancelled, or all cancelled ones are sold."""
    if cancelled:
        worth = (line.worth(line.open, order.currency) for line in order.lines)
        yield from (_reversed(each) for each in spread_due_back(worth, order.net_captured, order.currency))
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


@event("order.cancelled", schema_version=3, subject=OF_AGGREGATE)
class OrderCancelled:
    """The whole order was cancelled or, after a first parcel, the goods not shipped yet.

    `lines` are the cancelled units, with their amounts and tax. `amount` is the price of these units. `due_back` is the
    part of it that was paid and has to be given back. `lines` is None in events of version 1, which cancelled all units
    that could be cancelled.
    """

    order_id: UUID
    reason: str = personal(for_programs=True)
    lines: tuple[LineAmount, ...] | None
    amount: Decimal
    due_back: Decimal
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Cancel the units."""
        return _cancelled(order, self.lines if self.lines is not None else _all_cancellable(order, self.due_back))


def _all_cancellable(order: Order, due_back: Decimal) -> Iterable[LineAmount]:
    """Return the `lines` that version 1 did not store."""
    worth = (line.worth(line.open, order.currency) for line in cancellable(order))
    return spread_due_back(worth, due_back, order.currency)


@upcaster("order.cancelled", from_version=1)
def _cancelled_as_a_whole(stored: dict[str, Any]) -> dict[str, Any]:
    return stored | {"lines": None}


def cancellable(order: Order) -> list[Line]:
    """Return the lines with units that can be cancelled. Charges and shipping costs can be until the first parcel."""
    return [line for line in order.lines if line.open and (line.is_goods or not order.anything_shipped)]


def _cancelled(order: Order, amounts: Iterable[LineAmount]) -> Order:
    by_line = {amount.line_id: amount for amount in amounts}
    return order.with_changes(lines=tuple(_line_cancelled(line, by_line.get(line.line_id)) for line in order.lines))


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


@event("order.lines_cancelled", schema_version=2, subject=OF_AGGREGATE)
class LinesCancelled:
    """Some units were cancelled. `amount` and `due_back` mean the same as in `OrderCancelled`."""

    order_id: UUID
    lines: tuple[LineAmount, ...]
    reason: str = personal(for_programs=True)
    amount: Decimal
    due_back: Decimal
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Cancel the units."""
        return _cancelled(order, self.lines)


same_shape("order.restored", from_version=2)
same_shape("order.cancelled", from_version=2)
same_shape("order.lines_cancelled", from_version=1)

CancellingEvent = OrderCancelled | LinesCancelled | OrderRestored
