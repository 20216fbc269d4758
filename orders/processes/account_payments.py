"""The process manager that moves money between orders and customers' accounts.

An order authorises a payment from the account, or approves a refund to it. Each step is a command with a reference that
names the payment or refund, and an aggregate accepts a reference once. So a step that is retried after a crash moves no
money twice. A refused step has a compensating step that undoes the one before:

    PaymentAuthorised → WithdrawMoney → MoneyWithdrawn → CapturePayment
                        refused: RecordPaymentFailure    refused: DepositMoney, back to the account
    RefundApproved    → DepositMoney  → MoneyDeposited → SettleRefund
                        refused: FailRefund              refused: WithdrawMoney, back from the account
"""

from collections.abc import Iterable
from typing import Any

from eventstore.dispatch import current_state
from eventstore.errors import CommandRefused
from eventstore.followers.process_managers import Intent, Process, Send, reacts_to
from eventstore.store import Recorded
from orders.accounts import references
from orders.accounts.commands import DepositMoney, WithdrawMoney
from orders.accounts.events import MoneyDeposited, MoneyWithdrawn
from orders.accounts.identity import FROM_ACCOUNT, MOVER
from orders.accounts.references import REFUND, RETURNED
from orders.commands import CapturePayment, FailRefund, RecordPaymentFailure, SettleRefund
from orders.events import PaymentAuthorised, RefundApproved, RefundRetried
from orders.order import ORDER
from orders.values import RefundStatus


class AccountPayments(Process):
    """Payments from the customer's account, and refunds to it."""

    name = "account-payments"
    plan = "Money moves between this order and the customer's account"

    @reacts_to(PaymentAuthorised)
    def payment_authorised(self, event: PaymentAuthorised, fact: Recorded[PaymentAuthorised]) -> Iterable[Intent]:
        """Withdraw a payment from the account."""
        if event.account_id is None:
            return
        withdraw = WithdrawMoney(
            account_id=event.account_id,
            amount=event.amount,
            currency=event.currency,
            reason=f"Order {event.order_id}",
            reference=references.of_payment(event.order_id, event.payment_id),
            by=MOVER,
        )
        yield Send(command=withdraw, key=event.order_id)

    @reacts_to(MoneyWithdrawn)
    def money_withdrawn(self, event: MoneyWithdrawn, fact: Recorded[MoneyWithdrawn]) -> Iterable[Intent]:
        """Capture the payment that the money was withdrawn for."""
        named = references.payment_of(event.reference)
        payment = named and current_state(ORDER, named.order_id).payment(named.number)
        if named and payment and payment.account_id == event.account_id:
            capture = CapturePayment(
                order_id=named.order_id,
                payment_id=named.number,
                amount=event.amount,
                reference=event.reference,
                by=MOVER,
            )
            yield Send(command=capture, key=named.order_id)

    @reacts_to(RefundApproved)
    def refund_approved(self, event: RefundApproved, fact: Recorded[RefundApproved]) -> Iterable[Intent]:
        """Deposit a refund to the account."""
        return _deposit(event, references.of_refund(event.order_id, event.refund_id))

    @reacts_to(RefundRetried)
    def refund_retried(self, event: RefundRetried, fact: Recorded[RefundRetried]) -> Iterable[Intent]:
        """Deposit a retried refund under a new reference: an earlier deposit, if any, was taken back."""
        reference = references.of_refund(event.order_id, event.refund_id, retried_at=fact.version)
        return _deposit(event, reference)

    @reacts_to(MoneyDeposited)
    def money_deposited(self, event: MoneyDeposited, fact: Recorded[MoneyDeposited]) -> Iterable[Intent]:
        """Settle the refund that the money was deposited for."""
        named = references.refund_of(event.reference) if event.method == REFUND else None
        refund = named and current_state(ORDER, named.order_id).refund(named.number)
        if named and refund and refund.account_id == event.account_id:
            settle = SettleRefund(order_id=named.order_id, refund_id=named.number, reference=event.reference, by=MOVER)
            yield Send(command=settle, key=named.order_id)

    def refused(self, command: Any, refusal: CommandRefused) -> Iterable[Intent]:
        """Compensate the step before the refused one."""
        match command:
            case WithdrawMoney() if named := references.payment_of(command.reference):
                failed = RecordPaymentFailure(
                    order_id=named.order_id,
                    payment_id=named.number,
                    amount=command.amount,
                    payment_method=FROM_ACCOUNT,
                    reason=refusal.message,
                    by=MOVER,
                )
                yield Send(command=failed, key=named.order_id)
            case DepositMoney() if named := references.refund_of(command.reference):
                failed_refund = FailRefund(
                    order_id=named.order_id, refund_id=named.number, reason=refusal.message, by=MOVER
                )
                yield Send(command=failed_refund, key=named.order_id)
            case CapturePayment():
                yield from _give_back(command)
            case SettleRefund():
                yield from _take_back(command)


def _deposit(event: RefundApproved | RefundRetried, reference: str) -> Iterable[Intent]:
    """Deposit a refund. The command opens the account if the customer has none yet."""
    if event.account_id is None:
        return
    deposit = DepositMoney(
        account_id=event.account_id,
        customer_id=current_state(ORDER, event.order_id).customer_id,
        amount=event.amount,
        currency=event.currency,
        method=REFUND,
        reference=reference,
        by=MOVER,
    )
    yield Send(command=deposit, key=event.order_id)


def _give_back(capture: CapturePayment) -> Iterable[Intent]:
    """Return withdrawn money to the account: the order refused the capture, because the payment was given up since."""
    payment = current_state(ORDER, capture.order_id).payment(capture.payment_id)
    assert payment and payment.account_id and capture.amount is not None  # noqa: PT018 - else there was no withdrawal
    left = capture.amount - payment.captured  # staff may have captured some of it
    if left > 0:
        deposit = DepositMoney(
            account_id=payment.account_id,
            amount=left,
            method=RETURNED,
            reference=references.of_returned(capture.order_id, capture.payment_id),
            by=MOVER,
        )
        yield Send(command=deposit, key=capture.order_id)


def _take_back(settle: SettleRefund) -> Iterable[Intent]:
    """Take deposited money back: the order refused to settle, because the refund was given up since."""
    refund = current_state(ORDER, settle.order_id).refund(settle.refund_id)
    assert refund and refund.account_id  # noqa: PT018 - else there was no deposit
    if refund.status is RefundStatus.SETTLED and refund.reference in ("", settle.reference):
        return  # staff settled it first
    withdraw = WithdrawMoney(
        account_id=refund.account_id,
        amount=refund.amount,
        reason=f"Refund {settle.refund_id} of order {settle.order_id} was given up",
        reference=references.of_taken_back(settle.reference),
        by=MOVER,
    )
    yield Send(command=withdraw, key=settle.order_id)
