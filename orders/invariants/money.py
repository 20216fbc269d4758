"""What the money of an order may never be."""

from collections.abc import Iterator

from orders.invariants.amounts import problem_of, problem_of_payment, problem_of_repeats, problem_of_units
from orders.invariants.lines import problem_of_terms
from orders.state import Order, Payment, Refund
from orders.values import ZERO, RefundLine, RefundStatus


def violations(order: Order) -> Iterator[str]:
    """Yield what is impossible about the discounts, payments, refunds and sums of the order."""
    for each in order.payments:
        for problem in _of_payment(each, order.currency):
            yield f"payment {each.payment_id}: {problem}"
    for refund in order.refunds:
        for problem in _of_refund(refund, order.currency):
            yield f"refund {refund.refund_id}: {problem}"
    yield from of_discounts(order)
    yield from _of_sums(order)
    yield from _of_lines_and_refunds(order)


def _of_payment(payment: Payment, currency: str) -> Iterator[str]:
    """At most what is authorised is captured or given up."""
    yield from problem_of_payment("the amount", payment.amount, currency)
    for name in ("authorised", "captured", "voided"):
        yield from problem_of(f"the {name} amount", getattr(payment, name), currency)
    if payment.captured + payment.voided > payment.authorised:
        yield (
            f"{payment.captured} {currency} are captured and {payment.voided} {currency} voided of"
            f" {payment.authorised} {currency} authorised"
        )
    if payment.failed and payment.capturable:
        yield f"it failed, and {payment.capturable} {currency} can still be captured"


def _of_refund(refund: Refund, currency: str) -> Iterator[str]:
    """Its lines are parts of its amount."""
    yield from problem_of_payment("the amount", refund.amount, currency)
    yield from problem_of_repeats(refund.lines)
    for part in refund.lines:
        for problem in _of_refund_line(part, currency):
            yield f"line {part.line_id}: {problem}"
    for_lines = sum((part.amount for part in refund.lines), ZERO)
    if for_lines > refund.amount:
        yield f"its lines give back {for_lines} {currency}, more than its {refund.amount} {currency}"


def _of_refund_line(part: RefundLine, currency: str) -> Iterator[str]:
    yield from problem_of_units("the units", part.quantity)
    for name in ("amount", "tax", "allowance", "allowance_tax"):
        yield from problem_of(f"the {name.replace('_', ' ')}", getattr(part, name), currency)
    if not part.allowance_tax <= part.tax <= part.amount or not part.allowance_tax <= part.allowance <= part.amount:
        yield "a tax is more than what it is in, or the allowance more than the amount"


def of_discounts(order: Order) -> Iterator[str]:
    """Yield that the lines do not bear exactly what the discounts on the whole order take off."""
    for each in order.discounts:
        yield from problem_of("a discount", each.amount, order.currency)
        yield from problem_of_terms(each.terms)
    shares = sum((line.discount_share for line in order.lines), ZERO)
    off = sum((each.amount for each in order.discounts), ZERO)
    if shares != off:
        yield f"the lines bear {shares} {order.currency} of discounts that take off {off} {order.currency}"


def _of_sums(order: Order) -> Iterator[str]:
    yield from problem_of("what the order costs", order.charged, order.currency)
    yield from problem_of("the bad debt", order.bad_debt, order.currency)
    if order.bad_debt > order.unpaid:
        yield f"{order.bad_debt} {order.currency} are written off of {order.unpaid} {order.currency} unpaid"
    if order.refundable < 0:
        yield (
            f"{order.refunded + order.refund_pending} {order.currency} are refunded or will be of"
            f" {order.captured} {order.currency} captured"
        )


def _of_lines_and_refunds(order: Order) -> Iterator[str]:
    """Each line counts exactly what its pending and settled refunds give back."""
    counted = [each for each in order.refunds if each.is_pending or each.status is RefundStatus.SETTLED]
    for line in order.lines:
        parts = [part for each in counted for part in each.lines if part.line_id == line.line_id]
        sums = [sum((getattr(part, name) for part in parts), ZERO) for name in ("amount", "tax", "allowance")]
        if sums != [line.given_back, line.tax_given_back, line.allowance]:
            yield f"line {line.line_id} does not count what its refunds give back"
