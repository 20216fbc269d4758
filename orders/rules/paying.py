"""The rules of payments: at most the authorised amount is captured, and each provider payment counts once."""

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from eventstore.errors import CommandRefused
from orders.accounts.identity import FROM_ACCOUNT, MOVER, account_of
from orders.commands.paying import (
    AuthorisePayment,
    CapturePayment,
    PayFromAccount,
    PayingCommand,
    PayOrder,
    RecordPaymentFailure,
    VoidPayment,
    WriteOff,
)
from orders.events import (
    OrderEvent,
    OrderPaid,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    PaymentVoided,
    WrittenOff,
)
from orders.money import require_exact, require_positive
from orders.policy import Policy
from orders.rules.common import amount_or, require_currency, require_part, require_placed, require_reason
from orders.state import Order, Payment


def decide(command: PayingCommand, order: Order, policy: Policy) -> OrderEvent | Sequence[OrderEvent]:  # noqa: PLR0911 - one case for each command
    """Return what the command brings about. Raises CommandRefused, AggregateNotFound."""
    match command:
        case PayOrder():
            return pay(command, order)
        case PayFromAccount():
            return pay_from_account(command, order)
        case AuthorisePayment():
            return authorise(command, order)
        case CapturePayment():
            return capture(command, order)
        case VoidPayment():
            return void(command, order)
        case RecordPaymentFailure():
            return record_failure(command, order)
        case WriteOff():
            return write_off(command, order)
        case _:
            assert_never(command)


def pay(command: PayOrder, order: Order) -> Sequence[OrderPaid]:
    """Pay exactly the amount due. Returns no events for a payment that was reported before. Raises CommandRefused."""
    require_placed(command.order_id, order)
    require_currency(command.currency, order)
    _require_from_outside(command.payment_method)
    reported = _reported(command.payment_reference, command.amount, order)
    if reported and reported.capturable:
        raise CommandRefused(
            "capture_instead",
            "payment {reference} is authorised already: capture payment {number} instead",
            reference=reported.reference,
            number=reported.payment_id,
        )
    if reported:
        return []
    if order.is_cancelled:
        raise CommandRefused("not_payable", "this order is cancelled: there is nothing to pay")
    amount = require_exact(command.amount, order.currency)
    if not order.due:
        raise CommandRefused("nothing_due", "nothing is due for this order")
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
        payment_id=_next_id(order),
        payment_method=command.payment_method,
        payment_reference=command.payment_reference,
        amount=amount,
        currency=order.currency,
    )
    return [paid]


def authorise(command: AuthorisePayment, order: Order) -> Sequence[PaymentAuthorised]:
    """Record an authorisation. It may exceed the amount due; the overcharge can be refunded. Raises CommandRefused."""
    require_placed(command.order_id, order)
    require_currency(command.currency, order)
    _require_from_outside(command.payment_method)
    if _reported(command.payment_reference, command.amount, order):
        return []
    if order.is_cancelled:
        raise CommandRefused("not_payable", "this order is cancelled: there is nothing to pay")
    authorised = PaymentAuthorised(
        order_id=command.order_id,
        payment_id=_next_id(order),
        method=command.payment_method,
        reference=command.payment_reference,
        account_id=None,
        amount=require_positive(command.amount, order.currency),
        currency=order.currency,
    )
    return [authorised]


def pay_from_account(command: PayFromAccount, order: Order) -> PaymentAuthorised:
    """Authorise a payment from the account. Raises CommandRefused.

    The process manager then withdraws the money and captures the payment, or records that it failed.
    """
    require_placed(command.order_id, order)
    if order.customer_id is None:
        raise CommandRefused("no_account", "a guest has no account in this shop to pay from")
    open_amount = _due_and_not_authorised(order)
    if open_amount <= 0:
        raise CommandRefused("nothing_due", "nothing is due for this order")
    return PaymentAuthorised(
        order_id=command.order_id,
        payment_id=_next_id(order),
        method=FROM_ACCOUNT,
        reference="",
        account_id=account_of(order.customer_id, order.currency),
        amount=_up_to(open_amount, command.amount, order),
        currency=order.currency,
    )


def capture(command: CapturePayment, order: Order) -> Sequence[PaymentCaptured]:
    """Capture an authorised payment, even of a cancelled order: the money is then due back. Raises CommandRefused.

    Returns no events for a capture that was reported before.
    """
    payment = _payment(command, order)
    if command.reference and command.reference in payment.captures:
        return []
    _require_not_in_transit(payment, command.by)
    amount = _up_to_capturable(command.amount, payment, order)
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
    """Give up the uncaptured rest of a payment. Raises CommandRefused."""
    payment = _payment(command, order)
    _require_not_in_transit(payment, by="")
    return PaymentVoided(
        order_id=command.order_id,
        payment_id=payment.payment_id,
        amount=_up_to_capturable(None, payment, order),
        reason=require_reason(command.reason),
        currency=order.currency,
    )


def record_failure(command: RecordPaymentFailure, order: Order) -> Sequence[PaymentFailed]:
    """Record that a payment failed. The uncaptured rest of an authorised one is given up. Raises CommandRefused.

    Returns no events if the failure was reported before.
    """
    require_placed(command.order_id, order)
    reason = require_reason(command.reason)
    payment = _failed_payment(command, order)
    if payment and payment.failed:
        return []
    if payment:
        _require_not_in_transit(payment, command.by)
        amount = _up_to_capturable(None, payment, order)
    else:
        _require_from_outside(command.payment_method)
        amount = require_positive(command.amount, order.currency)
    failed = PaymentFailed(
        order_id=command.order_id,
        payment_id=payment.payment_id if payment else _next_id(order),
        method=command.payment_method,
        reference=command.payment_reference,
        amount=amount,
        reason=reason,
        currency=order.currency,
    )
    return [failed]


def _failed_payment(command: RecordPaymentFailure, order: Order) -> Payment | None:
    """Return the payment that failed, by its number or else its reference; None if the order does not have it."""
    if command.payment_id:
        return require_part(order.payment(command.payment_id), "payment", command.payment_id)
    return _last_with(command.payment_reference, order)


def write_off(command: WriteOff, order: Order) -> WrittenOff:
    """Write off an amount that is due and not authorised. Raises CommandRefused."""
    require_placed(command.order_id, order)
    open_amount = _due_and_not_authorised(order)
    if open_amount <= 0:
        raise CommandRefused("nothing_due", "nothing is due for this order, so nothing can be written off")
    return WrittenOff(
        order_id=command.order_id,
        amount=_up_to(open_amount, command.amount, order),
        reason=require_reason(command.reason),
        currency=order.currency,
    )


def _due_and_not_authorised(order: Order) -> Decimal:
    return order.due - order.capturable


def _up_to(open_amount: Decimal, requested: Decimal | None, order: Order) -> Decimal:
    """Return the requested part of the open amount; None requests all of it. Raises CommandRefused."""
    amount = amount_or(requested, open_amount, order)
    if amount > open_amount:
        raise CommandRefused(
            "more_than_due",
            "only {due} {currency} is due and not authorised, not {amount} {currency}",
            due=open_amount,
            amount=amount,
            currency=order.currency,
        )
    return amount


def _payment(command: CapturePayment | VoidPayment, order: Order) -> Payment:
    require_placed(command.order_id, order)
    return require_part(order.payment(command.payment_id), "payment", command.payment_id)


def _require_not_in_transit(payment: Payment, by: str) -> None:
    """Let only the account-payments process capture or fail payments from an account. Raises CommandRefused."""
    if payment.account_id and by != MOVER:
        raise CommandRefused(
            "from_account", "this payment is being withdrawn from the customer's account: wait until it is done"
        )


def _require_from_outside(method: str) -> None:
    """Refuse to call a payment one from the account that nothing is withdrawn for. Raises CommandRefused."""
    if method.strip().casefold() == FROM_ACCOUNT:
        raise CommandRefused(
            "method_reserved",
            "the method {method} is reserved for payments from the customer's account: pay from the account instead",
            method=method,
        )


def _up_to_capturable(requested: Decimal | None, payment: Payment, order: Order) -> Decimal:
    """Return the requested part of the capturable amount; None requests all of it. Raises CommandRefused."""
    if not payment.capturable:
        raise CommandRefused(
            "nothing_authorised", "nothing of payment {number} is left to capture or void", number=payment.payment_id
        )
    amount = amount_or(requested, payment.capturable, order)
    if amount > payment.capturable:
        raise CommandRefused(
            "more_than_authorised",
            "only {left} {currency} of payment {number} is left to capture, not {amount} {currency}",
            left=payment.capturable,
            amount=amount,
            number=payment.payment_id,
            currency=order.currency,
        )
    return amount


def _reported(reference: str, amount: Decimal, order: Order) -> Payment | None:
    """Return the payment if the provider reported it before. Raises CommandRefused if its amount was different.

    A failed payment does not count: providers retry under the same reference.
    """
    payment = _last_with(reference, order)
    if payment is None or payment.failed:
        return None
    if payment.amount != amount:
        raise CommandRefused(
            "reference_used",
            "payment {reference} was recorded with {known} {currency}, not {amount}",
            reference=reference,
            known=payment.amount,
            amount=amount,
            currency=order.currency,
        )
    return payment


def _last_with(reference: str, order: Order) -> Payment | None:
    """Return the last payment with a provider's reference."""
    return next((each for each in reversed(order.payments) if reference and each.reference == reference), None)


def _next_id(order: Order) -> int:
    return len(order.payments) + 1
