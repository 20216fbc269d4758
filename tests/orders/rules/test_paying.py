"""The rules of payments: at most the authorised amount is captured, and each provider payment counts once."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orders.accounts.identity import MOVER, account_of
from orders.commands import CapturePayment, PayFromAccount, RecordPaymentFailure, VoidPayment, WriteOff
from orders.events import PaymentAuthorised, PaymentCaptured, PaymentFailed, PaymentVoided, WrittenOff
from orders.statuses import PaymentStatus, payment_status
from tests.support.decider_spec import given
from tests.support.order_examples import BUYER, CANCEL, CANCELLED, CREATE, CREATED, ORDER, PAID, PAY, SHIP, SHIPPED
from tests.support.order_stories import after, approve, ask_refund, authorise, capture, done, pay, settle

AUTHORISED = PaymentAuthorised(
    order_id=ORDER,
    payment_id=1,
    method="card",
    reference="pay_1",
    account_id=None,
    amount=Decimal("25.00"),
    currency="GBP",
)
CAPTURED = PaymentCaptured(
    order_id=ORDER, payment_id=1, method="card", reference="cap_1", amount=Decimal("25.00"), currency="GBP"
)
FAILURE = RecordPaymentFailure(
    order_id=ORDER,
    amount=Decimal("25.00"),
    payment_method="card",
    payment_reference="pay_1",
    reason="Insufficient funds",
)
FAILED = PaymentFailed(
    order_id=ORDER,
    payment_id=1,
    method="card",
    reference="pay_1",
    amount=Decimal("25.00"),
    reason="Insufficient funds",
    currency="GBP",
)
VOID = VoidPayment(order_id=ORDER, payment_id=1, reason="Paid otherwise")
WRITE_OFF = WriteOff(order_id=ORDER, reason="Bankrupt")
WRITTEN_OFF = WrittenOff(order_id=ORDER, amount=Decimal("25.00"), reason="Bankrupt", currency="GBP")


def test_an_order_is_paid_at_once_with_exactly_what_is_due() -> None:
    given(CREATED).when(PAY).then(PAID)


@pytest.mark.parametrize("amount", ["24.99", "25.01", "0", "-25.00"])
def test_any_other_amount_is_refused_and_the_due_amount_is_named(amount: str) -> None:
    given(CREATED).when(replace(PAY, amount=Decimal(amount))).refused("amount_differs", r"25\.00 GBP is due")


@pytest.mark.parametrize(
    ("amount", "code"),
    [("25.001", "amount_not_exact"), ("NaN", "amount_too_large"), ("Infinity", "amount_too_large")],
)
def test_an_amount_with_too_many_decimals_or_no_value_is_refused(amount: str, code: str) -> None:
    given(CREATED).when(replace(PAY, amount=Decimal(amount))).refused(code)


def test_a_payment_in_another_currency_is_refused() -> None:
    given(CREATED).when(replace(PAY, currency="EUR")).refused("currency_differs", "in GBP, not in EUR")
    given(CREATED).when(replace(authorise("25.00"), currency="EUR")).refused("currency_differs")


def test_a_paid_order_is_not_paid_again() -> None:
    another = replace(PAY, payment_reference="pay_2")
    given(CREATED, PAID).when(another).refused("nothing_due")
    given(CREATED, PAID, SHIPPED).when(another).refused("nothing_due")


def test_a_cancelled_order_is_not_paid() -> None:
    given(CREATED, CANCELLED).when(PAY).refused("not_payable")
    given(CREATED, CANCELLED).when(authorise("25.00")).refused("not_payable")


def test_a_free_order_needs_no_payment_and_takes_none() -> None:
    free = replace(CREATE, lines=tuple(replace(line, unit_price=Decimal(0)) for line in CREATE.lines))
    given(*done(free)).when(replace(PAY, amount=Decimal(0))).refused("nothing_due")
    given(*done(free)).when(SHIP).then(SHIPPED)
    assert payment_status(after(free)) is PaymentStatus.PAID


def test_a_payment_is_authorised_and_captured_later() -> None:
    given(CREATED).when(authorise("25.00", "pay_1")).then(AUTHORISED)
    given(CREATED, AUTHORISED).when(capture(reference="cap_1")).then(CAPTURED)
    assert payment_status(after(CREATE, authorise("25.00"))) is PaymentStatus.AUTHORISED
    assert payment_status(after(CREATE, authorise("25.00"), capture())) is PaymentStatus.PAID


def test_a_payment_is_captured_in_parts_up_to_the_authorised_amount() -> None:
    parts = done(CREATE, authorise("25.00"), capture("10.00"), capture("14.99"))
    given(*parts).when(capture()).then(replace(CAPTURED, reference="", amount=Decimal("0.01")))
    given(*parts).when(capture("0.02")).refused("more_than_authorised", r"only 0\.01 GBP of payment 1 is left")
    given(CREATED, AUTHORISED, CAPTURED).when(capture("0.01")).refused("nothing_authorised")
    partly = after(CREATE, authorise("25.00"), capture("10.00"))
    assert (payment_status(partly), partly.due, partly.captured) == (PaymentStatus.PARTIALLY_PAID, 15, 10)


def test_a_payment_that_is_reported_twice_counts_once() -> None:
    given(CREATED, PAID).when(PAY).then()
    given(CREATED, AUTHORISED).when(authorise("25.00", "pay_1")).then()
    given(CREATED, AUTHORISED, CAPTURED).when(capture(reference="cap_1")).then()
    given(CREATED, FAILED).when(FAILURE).then()


def test_a_payment_reported_with_another_amount_is_refused() -> None:
    given(CREATED, AUTHORISED).when(authorise("24.00", "pay_1")).refused("reference_used", r"25\.00 GBP, not 24\.00")


def test_an_authorised_payment_must_be_captured_not_paid_again() -> None:
    given(CREATED, AUTHORISED).when(PAY).refused("capture_instead", "capture payment 1")


def test_a_payment_that_failed_may_succeed_under_the_same_reference() -> None:
    given(CREATED, FAILED).when(PAY).then(replace(PAID, payment_id=2))
    given(CREATED, FAILED).when(authorise("25.00", "pay_1")).then(replace(AUTHORISED, payment_id=2))


def test_a_failure_with_the_reference_of_an_authorised_payment_fails_that_payment() -> None:
    given(CREATED, AUTHORISED).when(FAILURE).then(FAILED)
    order = after(CREATE, authorise("25.00", "pay_1"), FAILURE)
    assert (order.capturable, payment_status(order)) == (0, PaymentStatus.FAILED)


def test_a_later_failure_leaves_the_captured_part() -> None:
    past = done(CREATE, authorise("25.00", "pay_1"), capture("10.00"))
    given(*past).when(replace(FAILURE, payment_id=1)).then(replace(FAILED, amount=Decimal("15.00")))


def test_a_captured_payment_does_not_fail() -> None:
    given(CREATED, AUTHORISED, CAPTURED).when(replace(FAILURE, payment_id=1)).refused("nothing_authorised")


def test_a_failure_says_why() -> None:
    given(CREATED).when(replace(FAILURE, reason=" ")).refused("no_reason")


def test_the_uncaptured_rest_of_a_payment_is_voided() -> None:
    voided = PaymentVoided(
        order_id=ORDER, payment_id=1, amount=Decimal("15.00"), reason="Paid otherwise", currency="GBP"
    )
    given(*done(CREATE, authorise("25.00"), capture("10.00"))).when(VOID).then(voided)
    given(*done(CREATE, authorise("25.00"), VOID)).when(capture()).refused("nothing_authorised")
    given(*done(CREATE, authorise("25.00"), VOID)).when(VOID).refused("nothing_authorised")
    assert payment_status(after(CREATE, authorise("25.00"), VOID)) is PaymentStatus.VOIDED


def test_only_payments_that_the_order_has_are_captured() -> None:
    given(CREATED).when(CapturePayment(order_id=ORDER, payment_id=1)).refused("payment_not_found", "no payment 1")


@pytest.mark.parametrize("amount", ["0", "-1", "NaN"])
def test_an_authorised_amount_must_be_more_than_zero(amount: str) -> None:
    given(CREATED).when(authorise(amount)).refused("amount_not_positive")


@pytest.mark.parametrize("amount", ["1000000000000", "1E+40"])
def test_an_authorised_amount_must_be_below_the_limit(amount: str) -> None:
    given(CREATED).when(authorise(amount)).refused("amount_too_large")


def test_a_payment_beyond_the_amount_due_is_an_overcharge_and_can_be_refunded() -> None:
    twice = (CREATE, pay("25.00"), authorise("25.00"), capture(payment_id=2))
    order = after(*twice)
    assert (payment_status(order), order.due_back) == (PaymentStatus.OVERCHARGED, 25)
    back = after(*twice, ask_refund(), approve(), settle())
    assert (back.refunded, back.due_back, back.due, back.charged) == (25, 0, 0, 25)
    assert back.refunds[0].lines == ()


def test_money_captured_after_a_cancellation_is_due_back() -> None:
    order = after(CREATE, authorise("25.00"), CANCEL, capture())
    assert (order.captured, order.due_back, payment_status(order)) == (25, 25, PaymentStatus.OVERCHARGED)


def test_an_order_is_paid_from_the_customers_account() -> None:
    authorised = replace(AUTHORISED, method="account", reference="", account_id=account_of(BUYER, "GBP"))
    given(CREATED).when(PayFromAccount(order_id=ORDER)).then(authorised)
    part = PayFromAccount(order_id=ORDER, amount=Decimal("5.00"))
    given(CREATED).when(part).then(replace(authorised, amount=Decimal("5.00")))
    given(CREATED, replace(authorised, amount=Decimal("5.00"))).when(
        PayFromAccount(order_id=ORDER, amount=Decimal("20.01"))
    ).refused("more_than_due", r"only 20\.00 GBP is due and not authorised")
    given(CREATED, authorised).when(PayFromAccount(order_id=ORDER)).refused("nothing_due")


def test_a_payment_in_transit_from_an_account_cannot_be_voided() -> None:
    given(*done(CREATE, PayFromAccount(order_id=ORDER))).when(VOID).refused("from_account")


def test_a_guest_has_no_account() -> None:
    given(replace(CREATED, customer_id=None)).when(PayFromAccount(order_id=ORDER)).refused("no_account")


def test_an_unpaid_amount_is_written_off() -> None:
    given(CREATED).when(WRITE_OFF).then(WRITTEN_OFF)
    order = after(CREATE, WRITE_OFF)
    assert (order.due, order.bad_debt, payment_status(order)) == (0, 25, PaymentStatus.WRITTEN_OFF)


def test_only_amounts_due_and_not_authorised_are_written_off() -> None:
    given(CREATED, PAID).when(WRITE_OFF).refused("nothing_due")
    given(CREATED, WRITTEN_OFF).when(WRITE_OFF).refused("nothing_due")
    given(CREATED, AUTHORISED).when(WRITE_OFF).refused("nothing_due")
    given(*done(CREATE, authorise("10.00"))).when(WRITE_OFF).then(replace(WRITTEN_OFF, amount=Decimal("15.00")))
    more = replace(WRITE_OFF, amount=Decimal("25.01"))
    given(CREATED).when(more).refused("more_than_due", r"25\.00 GBP is due")
    given(CREATED).when(replace(WRITE_OFF, reason="")).refused("no_reason")


def test_bad_debt_that_is_paid_later_is_no_longer_bad_debt() -> None:
    order = after(CREATE, WRITE_OFF, authorise("10.00"), capture())
    assert (order.bad_debt, order.due, order.due_back) == (15, 0, 0)
    assert after(CREATE, WRITE_OFF, authorise("30.00"), capture()).due_back == 5


def test_a_pending_refund_does_not_make_bad_debt_due_again() -> None:
    owing = (CREATE, authorise("10.00"), capture(), WRITE_OFF)
    for more in ((), (ask_refund("10.00"),), (ask_refund("10.00"), approve(), settle())):
        order = after(*owing, *more)
        assert (order.due, order.bad_debt) == (0, 15)


def test_a_cancelled_order_has_no_bad_debt() -> None:
    assert after(CREATE, WRITE_OFF, CANCEL).bad_debt == 0


@pytest.mark.parametrize(
    "command", [PAY, authorise("1"), capture(), VOID, FAILURE, WRITE_OFF], ids=lambda each: type(each).__name__
)
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")


def test_only_the_process_manager_finishes_a_payment_in_transit_from_the_account() -> None:
    authorised = done(CREATE, PayFromAccount(order_id=ORDER))
    failure = replace(FAILURE, payment_id=1, payment_reference="")
    for command in (capture(), failure, VOID):
        given(*authorised).when(command).refused("from_account", "wait until it is done")
    assert [type(event) for event in given(*authorised).when(replace(capture(), by=MOVER)).events()] == [
        PaymentCaptured
    ]
    assert [type(event) for event in given(*authorised).when(replace(failure, by=MOVER)).events()] == [PaymentFailed]


@pytest.mark.parametrize("method", ["account", "Account", " account "])
def test_money_from_outside_is_not_called_money_from_the_account(method: str) -> None:
    for command in (PAY, authorise("25.00"), replace(FAILURE, payment_reference="")):
        given(CREATED).when(replace(command, payment_method=method)).refused("method_reserved")
