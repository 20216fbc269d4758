"""The rules of refunds: settled and pending refunds never exceed the captured money, nor the price of a line."""

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from eventstore.errors import CommandRefused
from orders.accounts.identity import MOVER, account_of
from orders.approvals.identity import is_person, is_same_person
from orders.commands.refunding import (
    ApproveRefund,
    DeclineRefund,
    FailRefund,
    RefundingCommand,
    RefundWish,
    RequestRefund,
    RetryRefund,
    SettleRefund,
)
from orders.events import (
    OrderEvent,
    RefundApproved,
    RefundDeclined,
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSettled,
)
from orders.events.refunding import kept_reductions
from orders.lines import Line
from orders.money import part, require_positive, rounded, spread
from orders.policy import Policy
from orders.rules.common import require_part, require_placed, require_reason
from orders.state import Order, Refund
from orders.values import ZERO, RefundLine, RefundStatus


def decide(command: RefundingCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case RequestRefund():
            return request(command, order)
        case ApproveRefund():
            return approve(command, order, policy)
        case DeclineRefund():
            return decline(command, order)
        case SettleRefund():
            return settle(command, order)
        case FailRefund():
            return fail(command, order)
        case RetryRefund():
            return retry(command, order)
        case _:
            assert_never(command)


RefundDecision = ApproveRefund | DeclineRefund | SettleRefund | FailRefund | RetryRefund


def request(command: RequestRefund, order: Order) -> RefundRequested:
    """Request a refund of lines, of an amount (first what is owed), or of all that is owed. Raises CommandRefused."""
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
        raise CommandRefused("nothing_due_back", "nothing is owed to the customer beyond pending refunds")
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
    """Approve a requested refund. Over the policy's limit, by a second person. Raises CommandRefused."""
    refund = _refund(command, order, RefundStatus.REQUESTED)
    is_own = is_same_person(refund.requested_by, command.by)
    alone = _approved_for(refund.requested_by, order) + refund.amount
    if is_person(refund.requested_by) and not is_person(command.by) and policy.approval_limits:
        raise CommandRefused("second_person_needed", "a program cannot approve what a person asks for: ask a person")
    if is_own and policy.needs_second_person(alone, order.currency):
        raise CommandRefused(
            "second_person_needed",
            "{amount} {currency} is more than one person may refund: a second person must approve it",
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


def _approved_for(by: str, order: Order) -> Decimal:
    """Sum up the approved refunds that one person requested: many small refunds count as one large one."""
    approved = (RefundStatus.APPROVED, RefundStatus.SETTLED, RefundStatus.FAILED)
    return sum((each.amount for each in order.refunds if each.requested_by == by and each.status in approved), ZERO)


def decline(command: DeclineRefund, order: Order) -> RefundDeclined:
    """Decline a requested or failed refund. Raises CommandRefused."""
    refund = _refund(command, order, RefundStatus.REQUESTED, RefundStatus.FAILED)
    return RefundDeclined(
        order_id=command.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        kept=kept_reductions(order, refund),
        reason=require_reason(command.reason),
        currency=order.currency,
    )


def settle(command: SettleRefund, order: Order) -> RefundSettled:
    """Record that an approved refund was paid out. Raises CommandRefused."""
    refund = _refund(command, order, RefundStatus.APPROVED)
    _require_not_in_transit(refund, command.by)
    return RefundSettled(
        order_id=command.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        reference=command.reference,
        currency=order.currency,
    )


def fail(command: FailRefund, order: Order) -> RefundFailed:
    """Record that an approved refund could not be paid out. Raises CommandRefused."""
    refund = _refund(command, order, RefundStatus.APPROVED)
    _require_not_in_transit(refund, command.by)
    return RefundFailed(
        order_id=command.order_id,
        refund_id=refund.refund_id,
        amount=refund.amount,
        kept=kept_reductions(order, refund),
        reason=require_reason(command.reason),
        currency=order.currency,
    )


def retry(command: RetryRefund, order: Order) -> RefundRetried:
    """Retry a failed refund. Raises CommandRefused if its amount is no longer captured, or its lines changed since."""
    refund = _refund(command, order, RefundStatus.FAILED)
    _require_refundable(refund.amount, order)
    allowances = sum((each.allowance for each in refund.lines), ZERO)
    lines = ((order.line(each.line_id), each) for each in refund.lines)
    if refund.amount - allowances > order.owed or not all(line and _still_fits(line, each) for line, each in lines):
        raise CommandRefused(
            "refunded_otherwise",
            "refund {number} no longer matches what is owed: decline it and, if needed, request another",
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
    """Return whether the line can still give back the amount, tax and units of an old refund."""
    cost, off = line.charged - each.allowance, line.off + each.allowance - line.given_back - each.amount
    tax = line.tax - line.tax_off - each.allowance_tax
    tax_off = line.tax_off + each.allowance_tax - line.tax_given_back - each.tax
    return 0 <= tax <= cost and 0 <= tax_off <= off and line.refunded + each.quantity <= line.quantity


def _refund(command: RefundDecision, order: Order, *allowed: RefundStatus) -> Refund:
    require_placed(command.order_id, order)
    refund = require_part(order.refund(command.refund_id), "refund", command.refund_id)
    if refund.status not in allowed:
        raise CommandRefused(
            "refund_is_otherwise",
            "refund {number} is {status}; this is possible only while it is {allowed}",
            number=refund.refund_id,
            status=refund.status,
            allowed=" / ".join(allowed),
        )
    return refund


def _require_not_in_transit(refund: Refund, by: str) -> None:
    """Let only the account-payments process settle or fail refunds to an account. Raises CommandRefused."""
    if refund.account_id and by != MOVER:
        raise CommandRefused(
            "to_account", "this refund is being paid into the customer's account: wait until it is done"
        )


def _require_refundable(amount: Decimal, order: Order) -> None:
    if amount > order.refundable:
        raise CommandRefused(
            "more_than_captured",
            "only {refundable} {currency} can be refunded, not {amount} {currency}",
            refundable=order.refundable,
            amount=amount,
            currency=order.currency,
        )


def _require_equal(lines: Decimal, amount: Decimal | None, order: Order) -> None:
    if amount not in (None, lines):
        raise CommandRefused(
            "amount_differs",
            "the sum of the lines is {lines} {currency}, not {amount} {currency}",
            lines=lines,
            amount=amount,
            currency=order.currency,
        )


def _account(order: Order) -> UUID:
    if order.customer_id is None:
        raise CommandRefused("no_account", "a guest has no account in this shop to refund to")
    return account_of(order.customer_id, order.currency)


def _for_lines(requests: Sequence[RefundWish], order: Order) -> list[RefundLine]:
    """Return what each line gives back: first the amount owed for it, then an allowance on its remaining price.

    Money owed for no line in particular, such as a payment after a cancellation, may go to any reduced line.
    """
    owed = order.owed
    unassigned = max(owed - sum((line.owed_back for line in order.lines), ZERO), ZERO)
    lines: list[RefundLine] = []
    for request_line in requests:
        line = require_part(order.line(request_line.line_id), "line", request_line.line_id)
        if any(each.line_id == request_line.line_id for each in lines):
            raise CommandRefused("line_named_twice", "line {number} is named twice", number=request_line.line_id)
        amount = _requested_amount(request_line, line, order)
        line_owed = min(line.owed_back + unassigned, line.off - line.given_back, owed)
        _require_within_line(amount, line_owed + line.charged, line, order)
        from_owed = min(amount, line_owed)
        owed -= from_owed
        unassigned -= max(from_owed - line.owed_back, ZERO)
        lines.append(_refund_line(line, request_line.quantity, from_owed, amount - from_owed, order))
    return lines


def _require_within_line(amount: Decimal, left: Decimal, line: Line, order: Order) -> None:
    if amount > left:
        raise CommandRefused(
            "more_than_line",
            "line {number} ({sku}): only {left} {currency} can be refunded, not {amount} {currency}",
            number=line.line_id,
            sku=line.sku,
            left=left,
            amount=amount,
            currency=order.currency,
        )


def _requested_amount(request_line: RefundWish, line: Line, order: Order) -> Decimal:
    """Return the amount named for a line, or the price of the units. The last units take the rest of the price."""
    if (request_line.amount is None) == (not request_line.quantity):
        raise CommandRefused(
            "amount_or_quantity", "line {number}: give either an amount or a quantity", number=line.line_id
        )
    if request_line.amount is not None:
        return require_positive(request_line.amount, order.currency)
    units = line.quantity - line.refunded
    if not 0 < request_line.quantity <= units:
        raise CommandRefused(
            "more_than_line_units",
            "line {number} ({sku}): only {units} units can be refunded, not {quantity}",
            number=line.line_id,
            sku=line.sku,
            units=units,
            quantity=request_line.quantity,
        )
    if request_line.quantity == units:
        return line.total - line.given_back
    return part(line.total, of=line.quantity, before=line.refunded, take=request_line.quantity, currency=order.currency)


def _for_amount(amount: Decimal, order: Order) -> list[RefundLine]:
    """Divide an amount among the lines: first the amounts owed for them, in their order; the rest as allowances.

    Allowances are in proportion to the remaining prices. Any amount not assigned to a line refunds an overpayment.
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
    """Return the refund of one line with its tax. The last amount of a line contains the rest of its tax."""
    allowance_tax = line.tax_charged(allowance, order.currency)
    return RefundLine(
        line_id=line.line_id,
        quantity=quantity,
        amount=rounded(from_owed + allowance, order.currency),
        tax=line.tax_taken_off(from_owed, order.currency) + allowance_tax,
        allowance=rounded(allowance, order.currency),
        allowance_tax=allowance_tax,
    )
