"""Refunding: refunded and pending is at most what was captured, and of each line at most what it cost."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from eventstore.errors import CommandRefused
from orders.accounts.identity import MOVER, account_of
from orders.commands import (
    ApproveRefund,
    DeclineRefund,
    FailRefund,
    RefundWish,
    RequestRefund,
    RetryRefund,
    SettleRefund,
)
from orders.events import (
    RefundApproved,
    RefundDeclined,
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSettled,
)
from orders.lines import Line
from orders.money import part, require_positive, rounded, spread
from orders.policy import Policy
from orders.rules.common import found, require_placed, require_reason
from orders.state import Order, Refund
from orders.values import ZERO, RefundLine, RefundStatus

RefundDecision = ApproveRefund | DeclineRefund | SettleRefund | FailRefund | RetryRefund


def request(command: RequestRefund, order: Order) -> RefundRequested:
    """For lines what they cost, for an amount first what is owed, or else all that is owed."""
    require_placed(command.order_id, order)
    reason = require_reason(command.reason)
    if command.lines:
        lines = _for_lines(command.lines, order)
        amount = sum((line.amount for line in lines), ZERO)
        _require_equal(amount, command.amount, order)
    else:
        amount = order.owed if command.amount is None else require_positive(command.amount, order.currency)
        lines = _for_amount(amount, order)
    if not amount:
        raise CommandRefused("nothing_due_back", "nothing is owed to the customer that is not on its way already")
    _require_refundable(amount, order)
    return RefundRequested(
        order_id=command.order_id,
        refund_id=len(order.refunds) + 1,
        amount=rounded(amount, order.currency),
        lines=tuple(lines),
        reason=reason,
        account_id=_account(order) if command.to_account else None,
        requested_by=command.by,
        currency=order.currency,
    )


def approve(command: ApproveRefund, order: Order, policy: Policy) -> RefundApproved:
    refund = _refund(command, order, RefundStatus.REQUESTED)
    alone = _asked_for_by(command.by, order) + refund.amount
    if refund.requested_by == command.by and policy.needs_second_person(alone, order.currency):
        raise CommandRefused(
            "second_person_needed",
            "{amount} {currency} is more than one person may refund: somebody else has to approve it",
            amount=alone,
            currency=order.currency,
        )
    return RefundApproved(
        order_id=command.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        account_id=refund.account_id,
        approved_by=command.by,
        currency=order.currency,
    )


def _asked_for_by(by: str, order: Order) -> Decimal:
    """What one person asked for of this order, and was approved: many small refunds count as one large one."""
    approved = (RefundStatus.APPROVED, RefundStatus.SETTLED, RefundStatus.FAILED)
    return sum((each.amount for each in order.refunds if each.requested_by == by and each.status in approved), ZERO)


def decline(command: DeclineRefund, order: Order) -> RefundDeclined:
    refund = _refund(command, order, RefundStatus.REQUESTED, RefundStatus.FAILED)
    return RefundDeclined(
        order_id=command.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        reason=require_reason(command.reason),
        currency=order.currency,
    )


def settle(command: SettleRefund, order: Order) -> RefundSettled:
    refund = _refund(command, order, RefundStatus.APPROVED)
    _require_not_on_its_way(refund, command.by)
    return RefundSettled(
        order_id=command.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        reference=command.reference,
        currency=order.currency,
    )


def fail(command: FailRefund, order: Order) -> RefundFailed:
    refund = _refund(command, order, RefundStatus.APPROVED)
    _require_not_on_its_way(refund, command.by)
    return RefundFailed(
        order_id=command.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        reason=require_reason(command.reason),
        currency=order.currency,
    )


def retry(command: RetryRefund, order: Order) -> RefundRetried:
    """As long as the money is still there, and what it is for was not taken off or refunded otherwise meanwhile."""
    refund = _refund(command, order, RefundStatus.FAILED)
    _require_refundable(refund.amount, order)
    allowances = sum((each.allowance for each in refund.lines), ZERO)
    lines = ((order.line(each.line_id), each) for each in refund.lines)
    if refund.amount - allowances > order.owed or not all(line and _still_fits(line, each) for line, each in lines):
        raise CommandRefused(
            "refunded_otherwise",
            "what refund {number} was for is not owed any more: decline it and, if need be, request another",
            number=refund.refund_id,
        )
    return RefundRetried(
        order_id=command.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        account_id=refund.account_id,
        currency=order.currency,
    )


def _still_fits(line: Line, each: RefundLine) -> bool:
    """Whether the line can still give back what a refund said once, down to the tax and the units."""
    cost, off = line.charged - each.allowance, line.off + each.allowance - line.given_back - each.amount
    tax = line.tax - line.tax_off - each.allowance_tax
    tax_off = line.tax_off + each.allowance_tax - line.tax_given_back - each.tax
    return 0 <= tax <= cost and 0 <= tax_off <= off and line.refunded + each.quantity <= line.quantity


def _refund(command: RefundDecision, order: Order, *allowed: RefundStatus) -> Refund:
    require_placed(command.order_id, order)
    refund = found(order.refund(command.refund_id), "refund", command.refund_id)
    if refund.status not in allowed:
        raise CommandRefused(
            "refund_is_otherwise",
            "refund {number} is {status}; that can be done only while it is {allowed}",
            number=refund.refund_id,
            status=refund.status,
            allowed=" / ".join(allowed),
        )
    return refund


def _require_not_on_its_way(refund: Refund, by: str) -> None:
    """What goes to the customer's account is settled, or fails, by what brings it there. Raises CommandRefused."""
    if refund.account_id and by != MOVER:
        raise CommandRefused("to_account", "this refund is on its way to the customer's account: wait for it")


def _require_refundable(amount: Decimal, order: Order) -> None:
    if amount > order.refundable:
        raise CommandRefused(
            "more_than_captured",
            "{refundable} {currency} is here and can be refunded, less than {amount} {currency}",
            refundable=order.refundable,
            amount=amount,
            currency=order.currency,
        )


def _require_equal(lines: Decimal, amount: Decimal | None, order: Order) -> None:
    if amount not in (None, lines):
        raise CommandRefused(
            "amount_differs",
            "the lines come to {lines} {currency}, not to {amount} {currency}",
            lines=lines,
            amount=amount,
            currency=order.currency,
        )


def _account(order: Order) -> UUID:
    if order.customer_id is None:
        raise CommandRefused("no_account", "a guest has no account in this shop to refund to")
    return account_of(order.customer_id, order.currency)


def _for_lines(wishes: Sequence[RefundWish], order: Order) -> list[RefundLine]:
    """What each line gives back: first what is owed for it, then, as an allowance, of what it still costs.

    What is owed for no line in particular, such as money that came after a cancellation, counts for any line of which
    something was taken off.
    """
    owed = order.owed
    for_no_line = max(owed - sum((line.owed_back for line in order.lines), ZERO), ZERO)
    lines: list[RefundLine] = []
    for wish in wishes:
        line = found(order.line(wish.line_id), "line", wish.line_id)
        if any(each.line_id == wish.line_id for each in lines):
            raise CommandRefused("line_named_twice", "line {number} is named twice", number=wish.line_id)
        amount = _wished(wish, line, order)
        at_most = min(line.owed_back + for_no_line, line.off - line.given_back, owed)
        _require_within_line(amount, at_most + line.charged, line, order)
        from_owed = min(amount, at_most)
        owed -= from_owed
        for_no_line -= max(from_owed - line.owed_back, ZERO)
        lines.append(_refund_line(line, wish.quantity, from_owed, amount - from_owed, order))
    return lines


def _require_within_line(amount: Decimal, left: Decimal, line: Line, order: Order) -> None:
    if amount > left:
        raise CommandRefused(
            "more_than_line",
            "line {number} ({sku}): {left} {currency} can be given back for it, not {amount} {currency}",
            number=line.line_id,
            sku=line.sku,
            left=left,
            amount=amount,
            currency=order.currency,
        )


def _wished(wish: RefundWish, line: Line, order: Order) -> Decimal:
    """The amount that is wished for a line: what units of it cost, the last of them what is left, or what is named."""
    if (wish.amount is None) == (not wish.quantity):
        raise CommandRefused(
            "amount_or_quantity", "line {number}: name either an amount or a quantity", number=line.line_id
        )
    if wish.amount is not None:
        return require_positive(wish.amount, order.currency)
    units = line.quantity - line.refunded
    if not 0 < wish.quantity <= units:
        raise CommandRefused(
            "more_than_line_units",
            "line {number} ({sku}): {units} units can be refunded, not {quantity}",
            number=line.line_id,
            sku=line.sku,
            units=units,
            quantity=wish.quantity,
        )
    if wish.quantity == units:
        return line.total - line.given_back
    return part(line.total, of=line.quantity, before=line.refunded, take=wish.quantity, currency=order.currency)


def _for_amount(amount: Decimal, order: Order) -> list[RefundLine]:
    """What is owed for lines, in their order; of what goes beyond, each line's part of what they still cost.

    What was captured and is no line's, such as what was overcharged, is in no line's part.
    """
    owed = min(amount, order.owed)
    allowances = spread(min(amount - owed, order.charged), [line.charged for line in order.lines], order.currency)
    lines = []
    for line, allowance in zip(order.lines, allowances, strict=True):
        from_owed = min(line.owed_back, owed)
        owed -= from_owed
        if from_owed + allowance:
            lines.append(_refund_line(line, 0, from_owed, allowance, order))
    return lines


def _refund_line(line: Line, quantity: int, from_owed: Decimal, allowance: Decimal, order: Order) -> RefundLine:
    """With the tax that is in it; whoever takes the last of a line takes what is left of its tax."""
    allowance_tax = line.tax_charged(allowance, order.currency)
    return RefundLine(
        line_id=line.line_id,
        quantity=quantity,
        amount=rounded(from_owed + allowance, order.currency),
        tax=line.tax_taken_off(from_owed, order.currency) + allowance_tax,
        allowance=rounded(allowance, order.currency),
        allowance_tax=allowance_tax,
    )
