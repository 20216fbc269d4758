"""Events of refunds: requested, approved, settled; or declined, failed, retried."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from eventstore.messages import event
from orders.immutable import changed
from orders.lines import Line
from orders.money import part as part_of
from orders.money import rounded
from orders.state import Order, Refund, replaced
from orders.values import ZERO, RefundLine, RefundStatus


@event("order.refund_requested")
class RefundRequested:
    """A refund was requested. Its `amount` is reserved from now on.

    `lines` say what it is for. Any amount not assigned to a line refunds an overpayment. `account_id` is set if the
    money goes to the customer's account in the shop.
    """

    order_id: UUID
    refund_id: int
    amount: Decimal
    lines: tuple[RefundLine, ...]
    reason: str
    account_id: UUID | None
    requested_by: str
    currency: str

    def apply(self, order: Order) -> Order:
        """Append the refund and count its amounts as given back."""
        refund = Refund(
            refund_id=self.refund_id,
            amount=self.amount,
            lines=self.lines,
            requested_by=self.requested_by,
            account_id=self.account_id,
        )
        return order.with_changes(refunds=(*order.refunds, refund), lines=_lines_with(order, refund, _give_back))


@event("order.refund_approved")
class RefundApproved:
    """A refund may be paid out by the provider or, if `account_id` is set, to that account."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    account_id: UUID | None
    approved_by: str
    currency: str

    def apply(self, order: Order) -> Order:
        """Mark the refund as approved."""
        return _with_status(order, self.refund_id, RefundStatus.APPROVED)


@event("order.refund_declined")
class RefundDeclined:
    """A refund was declined. Its amount is no longer reserved."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        """Mark the refund as declined."""
        return _with_status(order, self.refund_id, RefundStatus.DECLINED)


@event("order.refund_settled")
class RefundSettled:
    """The customer received the money. `reference` is the provider's id of the refund."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    reference: str
    currency: str

    def apply(self, order: Order) -> Order:
        """Mark the refund as settled."""
        return _with_status(order, self.refund_id, RefundStatus.SETTLED, reference=self.reference)


@event("order.refund_failed")
class RefundFailed:
    """The money did not reach the customer. It is not reserved until the refund is retried."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        """Mark the refund as failed."""
        return _with_status(order, self.refund_id, RefundStatus.FAILED)


@event("order.refund_retried")
class RefundRetried:
    """A failed refund is approved again, and its amount reserved again. `account_id` is the same as at its approval."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    account_id: UUID | None
    currency: str

    def apply(self, order: Order) -> Order:
        """Mark the refund as approved."""
        return _with_status(order, self.refund_id, RefundStatus.APPROVED)


def _with_status(order: Order, refund_id: int, status: RefundStatus, *, reference: str = "") -> Order:
    """Change the status of a refund. Lines count a refund as given back while it is pending or settled."""
    refund = order.refund(refund_id)
    assert refund
    counts, counted = (each not in (RefundStatus.FAILED, RefundStatus.DECLINED) for each in (status, refund.status))
    lines = order.lines
    if counts != counted:
        lines = _lines_with(order, refund, _give_back if counts else _undo_give_back)
    refund = changed(refund, status=status, reference=reference or refund.reference)
    return order.with_changes(refunds=replaced(order.refunds, refund), lines=lines)


def _lines_with(order: Order, refund: Refund, change: Callable[[Line, RefundLine, str], Line]) -> tuple[Line, ...]:
    """Return all lines, those of the refund after `change(line, refund_line, currency)`."""
    by_line = {part.line_id: part for part in refund.lines}
    return tuple(
        change(line, by_line[line.line_id], order.currency) if line.line_id in by_line else line for line in order.lines
    )


def _give_back(line: Line, part: RefundLine, currency: str) -> Line:
    return changed(
        line,
        refunded=line.refunded + part.quantity,
        given_back=line.given_back + part.amount,
        tax_given_back=line.tax_given_back + part.tax,
        owed_back=max(line.owed_back - (part.amount - part.allowance), ZERO),
        allowance=line.allowance + part.allowance,
        tax_off=line.tax_off + part.allowance_tax,
    )


def _undo_give_back(line: Line, part: RefundLine, currency: str) -> Line:
    """Reverse `_give_back`.

    While the allowance counted, units may have been cancelled or credited for less than their share of the price. The
    missing amount `stays` a reduction: it moves from the allowance to the cancelled or credited amount.
    """
    reduced_units = line.cancelled + line.credited
    full_amount = rounded(line.total * reduced_units / line.quantity, currency) if reduced_units else ZERO
    stays = min(part.allowance, max(full_amount - line.cancelled_amount - line.credited_amount, ZERO))
    tax_stays = part_of(part.allowance_tax, of=part.allowance, take=stays, currency=currency)
    line = changed(
        line,
        refunded=line.refunded - part.quantity,
        given_back=line.given_back - part.amount,
        tax_given_back=line.tax_given_back - part.tax,
        owed_back=line.owed_back + (part.amount - part.allowance) + stays,
        allowance=line.allowance - part.allowance,
        tax_off=line.tax_off - part.allowance_tax + tax_stays,
    )
    if line.credited:
        return changed(line, credited_amount=line.credited_amount + stays)
    return changed(line, cancelled_amount=line.cancelled_amount + stays)


RefundingEvent = RefundRequested | RefundApproved | RefundDeclined | RefundSettled | RefundFailed | RefundRetried
