"""The rules of cancelling: shipped goods cannot be cancelled, and money paid for the others becomes due back.

Also the rule of undoing a cancellation.
"""

from collections.abc import Sequence
from typing import assert_never
from uuid import UUID

from eventstore.errors import CommandRefused
from orders.commands.cancelling import CancelLines, CancellingCommand, CancelOrder, ExpireOrder, RestoreOrder
from orders.events import EditDiscarded, EditStaged, LinesCancelled, OrderCancelled, OrderEvent, OrderRestored
from orders.events.cancelling import cancellable
from orders.policy import Policy
from orders.rules.common import reduction, require_lines, require_placed, require_reason
from orders.rules.editing import is_edit_possible
from orders.rules.undoing import require_only_cancellations
from orders.state import Order
from orders.statuses import order_status
from orders.values import ZERO, LineAmount


def decide(command: CancellingCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case CancelOrder():
            return cancel(command, order)
        case CancelLines():
            return cancel_lines(command, order)
        case ExpireOrder():
            return expire(command, order)
        case _:
            assert_never(command)


def cancel(command: CancelOrder, order: Order) -> OrderCancelled:
    """Cancel all units that can be cancelled. Raises CommandRefused if there are none."""
    require_placed(command.order_id, order)
    return _cancelled(order, command, require_reason(command.reason))


def cancel_lines(command: CancelLines, order: Order) -> LinesCancelled:
    """Cancel some units of some lines. Raises CommandRefused."""
    require_placed(command.order_id, order)
    reason = require_reason(command.reason)
    amounts = []
    for line, quantity in require_lines(command.lines, order):
        if not line.is_goods and order.anything_shipped:
            raise CommandRefused(
                "not_cancellable",
                "line {number} ({sku}) cannot be cancelled after a parcel was shipped: refund it instead",
                number=line.line_id,
                sku=line.sku,
            )
        if quantity > line.open:
            raise CommandRefused(
                "more_than_open",
                "line {number} ({sku}): only {open} can be cancelled, not {quantity}",
                number=line.line_id,
                sku=line.sku,
                open=line.open,
                quantity=quantity,
            )
        amounts.append(line.worth(quantity, order.currency))
    lines, amount, due_back = reduction(amounts, order)
    return LinesCancelled(
        order_id=command.order_id,
        lines=lines,
        reason=reason,
        amount=amount,
        due_back=due_back,
        currency=order.currency,
    )


def expire(command: ExpireOrder, order: Order) -> OrderCancelled:
    """Cancel an order that is not paid at all. With money captured or authorised, staff must decide instead."""
    require_placed(command.order_id, order)
    if not order.due or order.captured or order.capturable or order.anything_shipped or order.is_cancelled:
        raise CommandRefused("not_unpaid", "only an order without any payment can expire")
    within = "1 day" if command.days == 1 else f"{command.days} days"
    return _cancelled(order, command, f"Not paid within {within}")


def _cancelled(order: Order, command: CancelOrder | ExpireOrder, reason: str) -> OrderCancelled:
    open_lines = cancellable(order)
    if not open_lines:
        raise CommandRefused(
            "not_cancellable", "nothing of this order can be cancelled: everything is shipped or cancelled"
        )
    lines, amount, due_back = reduction([line.worth(line.open, order.currency) for line in open_lines], order)
    return OrderCancelled(
        order_id=command.order_id,
        reason=reason,
        lines=lines,
        amount=amount,
        due_back=due_back,
        currency=order.currency,
    )


def restore(command: RestoreOrder, was: Order, now: Order, undone: Sequence[OrderEvent]) -> Sequence[OrderEvent]:
    """Return the events that restore the order `now` to what it `was`. Raises CommandRefused.

    Only cancellations in `undone` can be undone, with the prepared edit that they withdrew. Money and goods that moved
    cannot, and for anything else there are other commands.
    """
    require_only_cancellations(command, undone)
    lines = tuple(_amounts_sold_again(was, now))
    if not lines:
        raise CommandRefused(
            "more_happened",
            "since version {version} nothing was cancelled: prepare or discard the change again instead",
            version=command.version,
        )
    restored = OrderRestored(
        order_id=command.order_id,
        version=command.version,
        reason=command.reason.strip(),
        status=order_status(was),
        lines=lines,
        sold_again=sum((each.amount for each in lines), ZERO),
        not_due_back=now.due_back - was.due_back,
        due=was.due,
        written_off=was.bad_debt - now.bad_debt,
        currency=was.currency,
    )
    return [restored, *_staged_again(command.order_id, was, now)]


def _staged_again(order_id: UUID, was: Order, now: Order) -> list[EditStaged | EditDiscarded]:
    """Return the event that brings back the prepared edit, or withdraws one that was not prepared then."""
    if was.staged == now.staged:
        return []
    if was.staged is None:
        return [EditDiscarded(order_id=order_id, reason="an earlier version was restored")]
    if not is_edit_possible(was):
        return []
    return [
        EditStaged(
            order_id=order_id,
            lines=was.staged.lines,
            discounts=was.staged.discounts,
            difference=was.staged.difference,
            currency=was.currency,
        )
    ]


def _amounts_sold_again(was: Order, now: Order) -> list[LineAmount]:
    """Return how each line changes from `now` back to what it `was`."""
    pairs = zip(was.lines, now.lines, strict=True)
    changes = (
        LineAmount(
            line_id=before.line_id,
            quantity=after.cancelled - before.cancelled,
            amount=after.cancelled_amount - before.cancelled_amount,
            tax=after.tax_off - before.tax_off,
            due_back=after.owed_back - before.owed_back,
        )
        for before, after in pairs
    )
    return [each for each in changes if each.quantity or each.amount or each.tax or each.due_back]
