"""Cancelling: never what was sent; what was paid for the rest becomes due back. And taking a cancellation back."""

from collections.abc import Sequence
from decimal import Decimal

from eventstore.errors import CommandRefused
from orders.commands import CancelLines, CancelOrder, ExpireOrder, RestoreOrder
from orders.events import (
    LinesCancelled,
    NoteAdded,
    OrderCancelled,
    OrderEvent,
    OrderPaid,
    OrderRestored,
    OrderShipped,
    ParcelShipped,
    PaymentCaptured,
    RefundSettled,
)
from orders.events.cancelling import cancellable
from orders.rules.common import named_lines, require_placed, require_reason, taken_off
from orders.state import Order
from orders.statuses import order_status
from orders.values import ZERO, LineAmount


def cancel(command: CancelOrder, order: Order) -> OrderCancelled:
    require_placed(command.order_id, order)
    return _cancelled(order, command, require_reason(command.reason))


def cancel_lines(command: CancelLines, order: Order) -> LinesCancelled:
    require_placed(command.order_id, order)
    reason = require_reason(command.reason)
    amounts = []
    for line, quantity in named_lines(command.lines, order):
        if not line.is_goods and order.anything_shipped:
            raise CommandRefused(
                "not_cancellable",
                "line {number} ({sku}) was for sending what was sent: it can be refunded, not cancelled",
                number=line.line_id,
                sku=line.sku,
            )
        if quantity > line.open:
            raise CommandRefused(
                "more_than_open",
                "line {number} ({sku}): {open} can still be cancelled, not {quantity}",
                number=line.line_id,
                sku=line.sku,
                open=line.open,
                quantity=quantity,
            )
        amounts.append(line.worth(quantity, order.currency))
    lines, amount, due_back = taken_off(amounts, order)
    return LinesCancelled(
        order_id=command.order_id,
        lines=lines,
        reason=reason,
        amount=amount,
        due_back=due_back,
        currency=order.currency,
    )


def expire(command: ExpireOrder, order: Order) -> OrderCancelled:
    """Where money came or is promised, somebody has to look first."""
    require_placed(command.order_id, order)
    if not order.due or order.captured or order.capturable or order.anything_shipped or order.is_cancelled:
        raise CommandRefused("not_unpaid", "only an order that nobody paid anything for expires")
    within = "1 day" if command.days == 1 else f"{command.days} days"
    return _cancelled(order, command, f"Not paid within {within}")


def _cancelled(order: Order, command: CancelOrder | ExpireOrder, reason: str) -> OrderCancelled:
    lines = cancellable(order)
    if not lines:
        raise CommandRefused(
            "not_cancellable", "nothing of this order can be cancelled: all of it was sent or is cancelled"
        )
    _, amount, due_back = taken_off([line.worth(line.open, order.currency) for line in lines], order)
    return OrderCancelled(
        order_id=command.order_id,
        reason=reason,
        amount=amount,
        due_back=due_back,
        currency=order.currency,
    )


def restore(command: RestoreOrder, was: Order, now: Order, undone: Sequence[OrderEvent]) -> Sequence[OrderEvent]:
    """Takes back cancellations, and nothing else: not what happened in the world, nor what has a command of its own."""
    facts = [words for words in map(_not_to_be_undone, undone) if words]
    if facts:
        raise CommandRefused(
            facts[0][0],
            "since version {version} {facts}: that cannot be restored away; cancel, refund or edit the order instead",
            version=command.version,
            facts=" and ".join(words for _, words in facts),
        )
    lines = tuple(_sold_again(was, now))
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
    return [restored]


def _sold_again(was: Order, now: Order) -> list[LineAmount]:
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


def _not_to_be_undone(event: OrderEvent) -> tuple[str, str] | None:
    """A code and words for what no restoration takes back."""
    match event:
        case OrderCancelled() | LinesCancelled() | OrderRestored() | NoteAdded():
            return None
        case OrderPaid():
            return "money_moved", f"{_money(event.amount, event.currency)} was paid by {event.payment_method}"
        case PaymentCaptured():
            return "money_moved", f"{_money(event.amount, event.currency)} was captured by {event.method}"
        case RefundSettled():
            return "money_moved", f"{_money(event.amount, event.currency)} was refunded"
        case OrderShipped() | ParcelShipped():
            return "goods_shipped", f"goods were shipped{f' with {event.carrier}' if event.carrier else ''}"
        case _:
            return "more_happened", f"more happened to it ({type(event).__name__})"


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount} {currency}"
