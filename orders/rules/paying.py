"""Paying: captured is at most authorised, and one payment of a provider counts once."""

from collections.abc import Sequence
from decimal import Decimal

from eventstore.errors import CommandRefused
from orders.accounts.identity import FROM_ACCOUNT, MOVER, account_of
from orders.commands import (
    AuthorisePayment,
    CapturePayment,
    PayFromAccount,
    PayOrder,
    RecordPaymentFailure,
    VoidPayment,
    WriteOff,
)
from orders.events import (
    OrderPaid,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    WrittenOff,
)
from orders.money import require_exact, require_positive
from orders.rules.common import amount_or, found, require_currency, require_placed, require_reason
from orders.state import Order, Payment


def pay(command: PayOrder, order: Order) -> Sequence[OrderPaid]:
    """Pays exactly what is due. The same payment told again is nothing new."""
    require_placed(command.order_id, order)
    require_currency(command.currency, order)
    known = _known(command.payment_reference, command.amount, order)
    if known and known.capturable:
        raise CommandRefused(
            "capture_instead",
            "the payment {reference} is promised already: capture payment {number}",
            reference=known.reference,
            number=known.payment_id,
        )
    if known:
        return []
    if order.is_cancelled:
        raise CommandRefused("not_payable", "this order is cancelled: there is nothing to pay")
    amount = require_exact(command.amount, order.currency)
    if not order.due:
        raise CommandRefused("nothing_due", "nothing is due for this order, so there is nothing to pay")
    if amount != order.due:
        raise CommandRefused(
            "amount_differs",
            "{due} {currency} is due, not {amount} {currency}",
            due=order.due,
            amount=amount,
            currency=order.currency,
        )
    paid = OrderPaid(
        order_id=command.order_id,
        payment_id=_next(order),
        payment_method=command.payment_method,
        payment_reference=command.payment_reference,
        amount=amount,
        currency=order.currency,
    )
    return [paid]


def authorise(command: AuthorisePayment, order: Order) -> Sequence[PaymentAuthorised]:
    """More than is due may be promised, and captured: then the order is overcharged, and the rest can be refunded."""
    require_placed(command.order_id, order)
    require_currency(command.currency, order)
    if _known(command.payment_reference, command.amount, order):
        return []
    if order.is_cancelled:
        raise CommandRefused("not_payable", "this order is cancelled: there is nothing to pay")
    authorised = PaymentAuthorised(
        order_id=command.order_id,
        payment_id=_next(order),
        method=command.payment_method,
        reference=command.payment_reference,
        account_id=None,
        amount=require_positive(command.amount, order.currency),
        currency=order.currency,
    )
    return [authorised]


def pay_from_account(command: PayFromAccount, order: Order) -> PaymentAuthorised:
    """Promised here; what takes it from the account captures it, or says that the account did not have it."""
    require_placed(command.order_id, order)
    if order.customer_id is None:
        raise CommandRefused("no_account", "a guest has no account in this shop to pay from")
    free = _due_and_not_promised(order)
    if free <= 0:
        raise CommandRefused("nothing_due", "nothing is due for this order, so there is nothing to pay")
    return PaymentAuthorised(
        order_id=command.order_id,
        payment_id=_next(order),
        method=FROM_ACCOUNT,
        reference="",
        account_id=account_of(order.customer_id, order.currency),
        amount=_at_most(free, command.amount, order),
        currency=order.currency,
    )


def capture(command: CapturePayment, order: Order) -> Sequence[PaymentCaptured]:
    """Also of an order that was cancelled meanwhile: money that came is never lost, but due back."""
    payment = _payment(command, order)
    if command.reference and command.reference in payment.captures:
        return []
    _require_not_on_its_way(payment, command.by)
    amount = _of_what_is_promised(command.amount, payment, order)
    captured = PaymentCaptured(
        order_id=command.order_id,
        payment_id=payment.payment_id,
        method=payment.method,
        reference=command.reference,
        amount=amount,
        currency=order.currency,
    )
    return [captured]


def void(command: VoidPayment, order: Order) -> PaymentVoided:
    payment = _payment(command, order)
    _require_not_on_its_way(payment, by="")
    return PaymentVoided(
        order_id=command.order_id,
        payment_id=payment.payment_id,
        amount=_of_what_is_promised(None, payment, order),
        reason=require_reason(command.reason),
        currency=order.currency,
    )


def record_failure(command: RecordPaymentFailure, order: Order) -> Sequence[PaymentFailed]:
    """Of a payment that was promised, what was not captured is promised no more."""
    require_placed(command.order_id, order)
    reason = require_reason(command.reason)
    known = _told_of(command, order)
    if known and known.failed:
        return []
    if known:
        _require_not_on_its_way(known, command.by)
        amount = _of_what_is_promised(None, known, order)
    else:
        amount = require_positive(command.amount, order.currency)
    failed = PaymentFailed(
        order_id=command.order_id,
        payment_id=known.payment_id if known else _next(order),
        method=command.payment_method,
        reference=command.payment_reference,
        amount=amount,
        reason=reason,
        currency=order.currency,
    )
    return [failed]


def _told_of(command: RecordPaymentFailure, order: Order) -> Payment | None:
    """The payment that failed, if the order has it: by its number or, where none is named, by its reference."""
    if command.payment_id:
        return found(order.payment(command.payment_id), "payment", command.payment_id)
    return _last(command.payment_reference, order)


def write_off(command: WriteOff, order: Order) -> WrittenOff:
    """Only what is due, and what nobody has promised to pay."""
    require_placed(command.order_id, order)
    free = _due_and_not_promised(order)
    if free <= 0:
        raise CommandRefused("nothing_due", "nothing is due for this order, so there is nothing to write off")
    return WrittenOff(
        order_id=command.order_id,
        amount=_at_most(free, command.amount, order),
        reason=require_reason(command.reason),
        currency=order.currency,
    )


def _due_and_not_promised(order: Order) -> Decimal:
    return order.due - order.capturable


def _at_most(free: Decimal, given: Decimal | None, order: Order) -> Decimal:
    """An amount of what is due and not promised; all of it where none is named. Raises CommandRefused."""
    amount = amount_or(given, free, order)
    if amount > free:
        raise CommandRefused(
            "more_than_due",
            "{due} {currency} is due and not promised yet, less than {amount} {currency}",
            due=free,
            amount=amount,
            currency=order.currency,
        )
    return amount


def _payment(command: CapturePayment | VoidPayment, order: Order) -> Payment:
    require_placed(command.order_id, order)
    return found(order.payment(command.payment_id), "payment", command.payment_id)


def _require_not_on_its_way(payment: Payment, by: str) -> None:
    """What is taken from the customer's account is captured, or fails, by what takes it. Raises CommandRefused."""
    if payment.account_id and by != MOVER:
        raise CommandRefused("from_account", "this payment is being taken from the customer's account: wait for it")


def _of_what_is_promised(given: Decimal | None, payment: Payment, order: Order) -> Decimal:
    """An amount of what is promised and was not captured; all of it where none is named. Raises CommandRefused."""
    if not payment.capturable:
        raise CommandRefused(
            "nothing_authorised", "nothing of payment {number} is still promised", number=payment.payment_id
        )
    amount = amount_or(given, payment.capturable, order)
    if amount > payment.capturable:
        raise CommandRefused(
            "more_than_authorised",
            "{left} {currency} of payment {number} is still promised, less than {amount} {currency}",
            left=payment.capturable,
            amount=amount,
            number=payment.payment_id,
            currency=order.currency,
        )
    return amount


def _known(reference: str, amount: Decimal, order: Order) -> Payment | None:
    """The payment, if the provider told of it before. Raises CommandRefused where it was of another amount.

    One that failed does not count: providers try the same payment again.
    """
    known = _last(reference, order)
    if known is None or known.failed:
        return None
    if known.amount != amount:
        raise CommandRefused(
            "reference_used",
            "the payment {reference} was told before, of {known} {currency} and not {amount}",
            reference=reference,
            known=known.amount,
            amount=amount,
            currency=order.currency,
        )
    return known


def _last(reference: str, order: Order) -> Payment | None:
    """The last payment under a provider's reference."""
    return next((each for each in reversed(order.payments) if reference and each.reference == reference), None)


def _next(order: Order) -> int:
    return len(order.payments) + 1
