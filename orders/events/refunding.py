"""Money goes back: requested, approved, and at last settled, or not."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from eventstore.messages import event
from orders.immutable import changed
from orders.lines import Line
from orders.money import part as part_of
from orders.money import rounded
from orders.state import Order, Refund, swapped
from orders.values import ZERO, RefundLine, RefundStatus


@event("order.refund_requested")
class RefundRequested:
    """Somebody wants `amount` to go back; from now on it is spoken for.

    `lines` say what for: the parts of it that are no line's (what was overcharged) are in `amount` alone. `account_id`
    is set where it goes to the customer's account in the shop.
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
        refund = Refund(
            refund_id=self.refund_id,
            amount=self.amount,
            lines=self.lines,
            requested_by=self.requested_by,
            account_id=self.account_id,
        )
        return order.having(refunds=(*order.refunds, refund), lines=_lines_with(order, refund, _given_back))


@event("order.refund_approved")
class RefundApproved:
    """It may be paid out: by the provider, or, where `account_id` is set, to that account."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    account_id: UUID | None
    approved_by: str
    currency: str

    def apply(self, order: Order) -> Order:
        return _with_status(order, self.refund_id, RefundStatus.APPROVED)


@event("order.refund_declined")
class RefundDeclined:
    """It is not spoken for any more."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        return _with_status(order, self.refund_id, RefundStatus.DECLINED)


@event("order.refund_settled")
class RefundSettled:
    """The money is with the customer. `reference` is the provider's id of it."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    reference: str
    currency: str

    def apply(self, order: Order) -> Order:
        return _with_status(order, self.refund_id, RefundStatus.SETTLED, reference=self.reference)


@event("order.refund_failed")
class RefundFailed:
    """The money did not reach the customer; it is not spoken for until the refund is tried again."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    reason: str
    currency: str

    def apply(self, order: Order) -> Order:
        return _with_status(order, self.refund_id, RefundStatus.FAILED)


@event("order.refund_retried")
class RefundRetried:
    """It is on its way again, and spoken for again. `account_id` as at its approval."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    account_id: UUID | None
    currency: str

    def apply(self, order: Order) -> Order:
        return _with_status(order, self.refund_id, RefundStatus.APPROVED)


def _with_status(order: Order, refund_id: int, status: RefundStatus, *, reference: str = "") -> Order:
    """The refund in its new status; its lines count it as given back as long as it is pending or settled."""
    refund = order.refund(refund_id)
    assert refund
    counts, counted = (each not in (RefundStatus.FAILED, RefundStatus.DECLINED) for each in (status, refund.status))
    lines = order.lines
    if counts != counted:
        lines = _lines_with(order, refund, _given_back if counts else _not_given_back)
    refund = changed(refund, status=status, reference=reference or refund.reference)
    return order.having(refunds=swapped(order.refunds, refund), lines=lines)


def _lines_with(order: Order, refund: Refund, change: Callable[[Line, RefundLine, str], Line]) -> tuple[Line, ...]:
    by_line = {part.line_id: part for part in refund.lines}
    return tuple(
        change(line, by_line[line.line_id], order.currency) if line.line_id in by_line else line for line in order.lines
    )


def _given_back(line: Line, part: RefundLine, currency: str) -> Line:
    return changed(
        line,
        refunded=line.refunded + part.quantity,
        given_back=line.given_back + part.amount,
        tax_given_back=line.tax_given_back + part.tax,
        owed_back=max(line.owed_back - (part.amount - part.allowance), ZERO),
        allowance=line.allowance + part.allowance,
        tax_off=line.tax_off + part.allowance_tax,
    )


def _not_given_back(line: Line, part: RefundLine, currency: str) -> Line:
    """The reverse; but units that went meanwhile for less, because of the allowance, are worth what they are again."""
    gone = line.cancelled + line.credited
    worth = rounded(line.total * gone / line.quantity, currency) if gone else ZERO
    stays = min(part.allowance, max(worth - line.cancelled_amount - line.credited_amount, ZERO))
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
