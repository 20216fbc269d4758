"""Events of refunds: requested, approved, settled; or declined, failed, retried."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from eventstore.messages import OF_AGGREGATE, event, personal, public, same_shape, upcaster
from orders.accounts.references import is_of_the_shop
from orders.immutable import changed
from orders.lines import Line
from orders.money import part as part_of
from orders.money import rounded
from orders.state import Order, Refund, replaced
from orders.values import ZERO, LineAmount, RefundLine, RefundStatus


@event("order.refund_requested", schema_version=2, subject=OF_AGGREGATE)
class RefundRequested:
    """A refund was requested. Its `amount` is reserved from now on.

    `lines` say what it is for. Any amount not assigned to a line refunds an overpayment. `account_id` is set if the
    money goes to the customer's account in the shop.
    """

    order_id: UUID
    refund_id: int
    amount: Decimal
    lines: tuple[RefundLine, ...]
    reason: str = personal(for_programs=True)
    account_id: UUID | None
    requested_by: str = public()
    currency: str = public()

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
    approved_by: str = public()
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Mark the refund as approved."""
        return _with_status(order, self.refund_id, RefundStatus.APPROVED)


@event("order.refund_declined", schema_version=3, subject=OF_AGGREGATE)
class RefundDeclined:
    """A refund was declined. Its amount is no longer reserved.

    `kept` are the parts of its allowances that still lower the price of their lines: see `kept_reductions`. It is None
    in events of version 1.
    """

    order_id: UUID
    refund_id: int
    amount: Decimal
    kept: tuple[LineAmount, ...] | None
    reason: str = personal(for_programs=True)
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Mark the refund as declined."""
        return _with_status(order, self.refund_id, RefundStatus.DECLINED, kept=self.kept)


@event("order.refund_settled", schema_version=2, subject=OF_AGGREGATE)
class RefundSettled:
    """The customer received the money. `reference` is the provider's id of the refund."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    reference: str = personal(unless=is_of_the_shop, for_programs=True)
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Mark the refund as settled."""
        return _with_status(order, self.refund_id, RefundStatus.SETTLED, reference=self.reference)


@event("order.refund_failed", schema_version=3, subject=OF_AGGREGATE)
class RefundFailed:
    """The money did not reach the customer. It is not reserved until the refund is retried.

    `kept` means the same as in `RefundDeclined`.
    """

    order_id: UUID
    refund_id: int
    amount: Decimal
    kept: tuple[LineAmount, ...] | None
    reason: str = personal(for_programs=True)
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Mark the refund as failed."""
        return _with_status(order, self.refund_id, RefundStatus.FAILED, kept=self.kept)


@upcaster("order.refund_declined", from_version=1)
@upcaster("order.refund_failed", from_version=1)
def _kept_is_not_stored(stored: dict[str, Any]) -> dict[str, Any]:
    return stored | {"kept": None}


@event("order.refund_retried")
class RefundRetried:
    """A failed refund is approved again, and its amount reserved again. `account_id` is the same as at its approval."""

    order_id: UUID
    refund_id: int
    amount: Decimal
    account_id: UUID | None
    currency: str = public()

    def apply(self, order: Order) -> Order:
        """Mark the refund as approved."""
        return _with_status(order, self.refund_id, RefundStatus.APPROVED)


def _with_status(
    order: Order,
    refund_id: int,
    status: RefundStatus,
    *,
    reference: str = "",
    kept: tuple[LineAmount, ...] | None = None,
) -> Order:
    """Change the status of a refund. Lines count a refund as given back while it is pending or settled."""
    refund = order.refund(refund_id)
    assert refund
    lines = order.lines
    if status in _NOT_GIVEN_BACK and refund.status not in _NOT_GIVEN_BACK:
        by_line = {each.line_id: each for each in (kept_reductions(order, refund) if kept is None else kept)}
        lines = _lines_with(order, refund, lambda line, part: _undo_give_back(line, part, by_line.get(line.line_id)))
    elif status not in _NOT_GIVEN_BACK and refund.status in _NOT_GIVEN_BACK:
        lines = _lines_with(order, refund, _give_back)
    refund = changed(refund, status=status, reference=reference or refund.reference)
    return order.with_changes(refunds=replaced(order.refunds, refund), lines=lines)


_NOT_GIVEN_BACK = (RefundStatus.FAILED, RefundStatus.DECLINED)


def kept_reductions(order: Order, refund: Refund) -> tuple[LineAmount, ...]:
    """Return the parts of a refund's allowances that stay reductions of their lines if it is not paid out.

    While an allowance counted, units may have been cancelled or credited for less than their share of the price. The
    missing amount stays a reduction: it moves from the allowance to the cancelled or credited amount.
    """
    if refund.status in _NOT_GIVEN_BACK:
        return ()
    found = []
    for part in refund.lines:
        line = order.line(part.line_id)
        reduced_units = line.cancelled + line.credited if line else 0
        if line is None or not reduced_units or not part.allowance:
            continue
        full_amount = rounded(line.total * reduced_units / line.quantity, order.currency)
        stays = min(part.allowance, max(full_amount - line.cancelled_amount - line.credited_amount, ZERO))
        if stays:
            tax = part_of(part.allowance_tax, of=part.allowance, take=stays, currency=order.currency)
            found.append(LineAmount(line_id=line.line_id, quantity=0, amount=stays, tax=tax))
    return tuple(found)


def _lines_with(order: Order, refund: Refund, change: Callable[[Line, RefundLine], Line]) -> tuple[Line, ...]:
    """Return all lines, those of the refund after `change(line, refund_line)`."""
    by_line = {part.line_id: part for part in refund.lines}
    return tuple(change(line, by_line[line.line_id]) if line.line_id in by_line else line for line in order.lines)


def _give_back(line: Line, part: RefundLine) -> Line:
    return changed(
        line,
        refunded=line.refunded + part.quantity,
        given_back=line.given_back + part.amount,
        tax_given_back=line.tax_given_back + part.tax,
        owed_back=max(line.owed_back - (part.amount - part.allowance), ZERO),
        allowance=line.allowance + part.allowance,
        tax_off=line.tax_off + part.allowance_tax,
    )


def _undo_give_back(line: Line, part: RefundLine, kept: LineAmount | None) -> Line:
    """Reverse `_give_back`, but for the reduction that is `kept`."""
    stays, tax_stays = (kept.amount, kept.tax) if kept else (ZERO, ZERO)
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


same_shape("order.refund_requested", from_version=1)
same_shape("order.refund_settled", from_version=1)
same_shape("order.refund_declined", from_version=2)
same_shape("order.refund_failed", from_version=2)

RefundingEvent = RefundRequested | RefundApproved | RefundDeclined | RefundSettled | RefundFailed | RefundRetried
