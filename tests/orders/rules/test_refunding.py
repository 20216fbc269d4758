"""The rules of refunds: never more than was captured; the last refund of a line takes the rest."""

from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest

from orders.accounts.identity import MOVER, account_of
from orders.commands import EditOrder, NewDiscount, NewShipping, RefundWish
from orders.events import (
    RefundApproved,
    RefundDeclined,
    RefundFailed,
    RefundRequested,
    RefundRetried,
    RefundSettled,
    evolve,
)
from orders.state import Order
from orders.statuses import PaymentStatus, payment_status
from orders.values import LineAmount, LineQuantity, RefundStatus
from tests.support.decider_spec import given
from tests.support.order_examples import BUYER, CANCEL, CREATE, CREATED, MUGS, ORDER, PAID, PAY, SHIP, THROW
from tests.support.order_stories import (
    after,
    approve,
    ask_refund,
    authorise,
    cancel,
    capture,
    come_back,
    decline,
    done,
    fail,
    gives,
    last,
    line_of,
    pay,
    retry,
    settle,
    ship,
    shop,
)

PAID_AND_CANCELLED = (CREATE, PAY, CANCEL)
WITH_TAX = replace(
    CREATE,
    lines=(
        replace(MUGS, quantity=3, unit_price=Decimal("3.335"), tax_rate=Decimal(20)),
        replace(THROW, tax_rate=Decimal(5)),
    ),
    shipping=(NewShipping(name="Standard delivery", price=Decimal("3.95"), tax_rate=Decimal(20)),),
    discounts=(NewDiscount(name="SPRING", amount=Decimal("1.00")),),
)
"""Three pins for 10.01 less 0.50, a throw for 10.00 less 0.50, delivery for 3.95: 22.96, including 2.70 tax."""


def units(line_id: int, quantity: int) -> RefundWish:
    return RefundWish(line_id=line_id, quantity=quantity)


def amount(line_id: int, money: str) -> RefundWish:
    return RefundWish(line_id=line_id, amount=Decimal(money))


def requested(money: str, *lines: Any, refund_id: int = 1) -> RefundRequested:
    return RefundRequested(
        order_id=ORDER,
        refund_id=refund_id,
        amount=Decimal(money),
        lines=lines,
        reason="Sorry",
        account_id=None,
        requested_by="staff:anna",
        currency="GBP",
    )


def test_a_refund_of_all_that_is_owed_names_its_lines() -> None:
    given(*done(*PAID_AND_CANCELLED)).when(ask_refund()).then(requested("25.00", gives(1, "15.00"), gives(2, "10.00")))


def test_a_refund_is_requested_approved_and_settled() -> None:
    past = done(*PAID_AND_CANCELLED, ask_refund())
    approved = RefundApproved(
        order_id=ORDER,
        refund_id=1,
        amount=Decimal("25.00"),
        account_id=None,
        approved_by="staff:ben",
        currency="GBP",
    )
    settled = RefundSettled(order_id=ORDER, refund_id=1, amount=Decimal("25.00"), reference="re_1", currency="GBP")
    given(*past).when(approve()).then(approved)
    given(*past, approved).when(settle()).then(settled)
    pending, over = (
        after(*PAID_AND_CANCELLED, ask_refund(), approve()),
        after(*PAID_AND_CANCELLED, ask_refund(), approve(), settle()),
    )
    assert (pending.refund_pending, pending.refunded, pending.due_back) == (25, 0, 25)
    assert (over.refund_pending, over.refunded, over.due_back) == (0, 25, 0)
    assert (payment_status(pending), payment_status(over)) == (PaymentStatus.OVERCHARGED, PaymentStatus.REFUNDED)


def test_a_refund_without_an_amount_needs_an_amount_owed() -> None:
    given(CREATED, PAID).when(ask_refund()).refused("nothing_due_back")
    given(*done(*PAID_AND_CANCELLED, ask_refund())).when(ask_refund()).refused("nothing_due_back")
    given(CREATED, PAID).when(ask_refund("5.00")).then(
        requested("5.00", gives(1, "3.00", allowance="3.00"), gives(2, "2.00", allowance="2.00"))
    )


def test_settled_and_pending_refunds_never_exceed_the_captured_money() -> None:
    given(CREATED).when(ask_refund("0.01")).refused("more_than_captured")
    given(CREATED, PAID).when(ask_refund("25.01")).refused("more_than_captured", "only 25.00 GBP can be")
    given(*done(CREATE, PAY, ask_refund("20.00"))).when(ask_refund("5.01")).refused("more_than_captured", "5.00 GBP")
    given(*done(CREATE, authorise("25.00"), capture("4.00"))).when(ask_refund("5.00")).refused("more_than_captured")


@pytest.mark.parametrize(
    ("money", "code"), [("0", "amount_not_positive"), ("-1", "amount_not_positive"), ("0.001", "amount_not_exact")]
)
def test_a_refund_must_be_an_exact_amount_above_zero(money: str, code: str) -> None:
    given(CREATED, PAID).when(ask_refund(money)).refused(code)


def test_money_captured_after_a_cancellation_can_be_refunded_by_line() -> None:
    late = (CREATE, authorise("25.00"), capture("5.00"), CANCEL, capture())
    given(*done(*late)).when(ask_refund(lines=(units(1, 2),))).then(requested("15.00", gives(1, "15.00", units=2)))
    rest = after(*late, ask_refund(lines=(units(1, 2), units(2, 1))))
    assert (rest.owed, rest.refund_pending) == (0, 25)


def test_the_last_refund_takes_the_rest_of_price_and_tax() -> None:
    paid = (WITH_TAX, pay("22.96"))
    thirds = [last(*paid, *[ask_refund(lines=(units(1, 1),))] * times).lines[0] for times in (1, 2, 3)]
    assert [str(each.amount) for each in thirds] == ["3.17", "3.17", "3.17"]
    assert sum(each.amount for each in thirds) == Decimal("9.51")
    assert sum(each.tax for each in thirds) == done(WITH_TAX)[0].lines[0].tax
    everything = after(*paid, *[ask_refund(lines=(units(1, 1),))] * 3, ask_refund("13.45"))
    assert (everything.charged, everything.refundable) == (0, 0)
    assert all(line.tax_given_back == line.tax for line in everything.lines)


def test_a_refund_names_amount_and_tax_of_each_line_and_of_shipping() -> None:
    event = last(WITH_TAX, pay("22.96"), ask_refund(lines=(units(1, 3), amount(3, "3.95"))))
    assert event.lines == (
        gives(1, "9.51", "1.59", units=3, allowance="9.51"),
        gives(3, "3.95", "0.66", allowance="3.95"),
    )
    assert event.amount == Decimal("13.46")


def test_a_refund_without_cancelled_or_returned_units_is_an_allowance_and_lowers_the_price() -> None:
    order = after(CREATE, PAY, SHIP, ask_refund(lines=(amount(1, "4.00"),)))
    line = line_of(order, 1)
    assert (line.allowance, line.charged, order.due) == (4, 11, 0)
    assert payment_status(after(CREATE, PAY, SHIP, ask_refund("4.00"), approve(), settle())) is (
        PaymentStatus.PARTIALLY_REFUNDED
    )


def test_a_refund_of_a_line_uses_the_amount_owed_before_an_allowance() -> None:
    event = last(CREATE, PAY, cancel(_1=1), ask_refund(lines=(amount(1, "10.00"),)))
    assert event.lines == (gives(1, "10.00", allowance="2.50"),)


def test_a_unit_returned_after_an_allowance_is_credited_at_the_lowered_price() -> None:
    lowered = (CREATE, PAY, SHIP, ask_refund(lines=(amount(2, "4.00"),)), approve(), settle())
    assert last(*lowered, *come_back(_2=1)).due_back == Decimal("6.00")


def test_refunds_of_a_line_never_exceed_its_price() -> None:
    given(CREATED, PAID).when(ask_refund(lines=(amount(2, "10.01"),))).refused("more_than_line", "10.00 GBP can be")
    given(CREATED, PAID).when(ask_refund(lines=(units(2, 2),))).refused("more_than_line_units", "1 units can be")
    once = done(CREATE, PAY, ask_refund(lines=(amount(2, "9.00"),)))
    given(*once).when(ask_refund(lines=(amount(2, "1.01"),))).refused("more_than_line", "1.00 GBP can be")
    given(*once).when(ask_refund(lines=(units(2, 1),))).then(
        requested("1.00", gives(2, "1.00", units=1, allowance="1.00"), refund_id=2)
    )


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ((units(3, 1),), "line_not_found"),
        ((units(1, 1), amount(1, "1.00")), "line_named_twice"),
        ((RefundWish(line_id=1),), "amount_or_quantity"),
        ((RefundWish(line_id=1, quantity=1, amount=Decimal(1)),), "amount_or_quantity"),
        ((units(1, -1),), "more_than_line_units"),
        ((amount(1, "0.001"),), "amount_not_exact"),
    ],
)
def test_unclear_refund_lines_are_refused(wishes: tuple[RefundWish, ...], code: str) -> None:
    given(CREATED, PAID).when(ask_refund(lines=wishes)).refused(code)


def test_the_amount_must_be_the_sum_of_the_lines() -> None:
    given(CREATED, PAID).when(ask_refund("7.49", lines=(units(1, 1),))).refused(
        "amount_differs", "sum of the lines is 7.50 GBP"
    )
    assert last(CREATE, PAY, ask_refund("7.50", lines=(units(1, 1),))).amount == Decimal("7.50")


def test_a_refund_says_why() -> None:
    given(CREATED, PAID).when(replace(ask_refund("1.00"), reason=" ")).refused("no_reason")


def test_a_refund_goes_to_the_customers_account_and_a_guest_has_none() -> None:
    to_account = ask_refund("5.00", to_account=True)
    account = account_of(BUYER, "GBP")
    assert last(CREATE, PAY, to_account).account_id == account
    assert last(CREATE, PAY, to_account, approve()).account_id == account
    given(*done(replace(CREATE, customer_id=None), PAY)).when(to_account).refused("no_account")


def test_over_the_limit_a_second_person_must_approve() -> None:
    with shop(approval_limits={"GBP": Decimal(20)}):
        big, small = done(CREATE, PAY, ask_refund("20.01")), done(CREATE, PAY, ask_refund("20.00"))
        given(*big).when(approve(by="staff:anna")).refused("second_person_needed", "20.01 GBP is more than one person")
        assert given(*big).when(approve(by="staff:ben")).events()
        assert given(*small).when(approve(by="staff:anna")).events()
    assert given(*big).when(approve(by="staff:anna")).events()


def test_many_small_refunds_of_one_order_by_one_person_count_as_one() -> None:
    past = (CREATE, PAY, ask_refund("15.00"), approve(by="staff:anna"), ask_refund("5.01"))
    with shop(approval_limits={"GBP": Decimal(20)}):
        again = given(*done(*past)).when(approve(2, by="staff:anna"))
        again.refused("second_person_needed", "20.01 GBP is more than one person")
        assert given(*done(*past)).when(approve(2, by="staff:ben")).events()
        fine = (*past[:-1], ask_refund("5.00"))
        assert given(*done(*fine)).when(approve(2, by="staff:anna")).events()


def test_a_currency_without_a_limit_takes_two_persons_once_another_has_one() -> None:
    yen = replace(CREATE, currency="JPY", lines=(replace(MUGS, unit_price=Decimal(100)),))
    with shop(approval_limits={"GBP": Decimal(20)}):
        past = done(yen, pay("200"), ask_refund("1"))
        given(*past).when(approve(by="staff:anna")).refused("second_person_needed")


def test_a_declined_refund_no_longer_reserves_its_amount() -> None:
    past = (CREATE, PAY, ask_refund("5.00"))
    declined = RefundDeclined(
        order_id=ORDER, refund_id=1, amount=Decimal("5.00"), kept=(), reason="Not our fault", currency="GBP"
    )
    given(*done(*past)).when(decline()).then(declined)
    order = after(*past, decline())
    assert order.lines == after(CREATE, PAY).lines
    assert (order.refundable, order.charged) == (25, 25)


def test_a_failed_refund_is_owed_again_until_it_is_retried() -> None:
    past = (*PAID_AND_CANCELLED, ask_refund(), approve())
    failed = RefundFailed(
        order_id=ORDER, refund_id=1, amount=Decimal("25.00"), kept=(), reason="Card expired", currency="GBP"
    )
    given(*done(*past)).when(fail()).then(failed)
    assert after(*past, fail()).owed == 25
    retried = RefundRetried(order_id=ORDER, refund_id=1, amount=Decimal("25.00"), account_id=None, currency="GBP")
    given(*done(*past, fail())).when(retry()).then(retried)
    assert after(*past, fail(), retry()) == after(*past)
    assert after(*past, fail(), retry(), settle()).refunded == 25


def test_a_failed_refund_can_be_declined() -> None:
    order = after(*PAID_AND_CANCELLED, ask_refund(), approve(), fail(), decline())
    assert (order.refunds[0].status, order.owed) == (RefundStatus.DECLINED, 25)


def test_a_refund_is_not_retried_after_another_gave_the_money_back() -> None:
    failed = (*PAID_AND_CANCELLED, ask_refund(), approve(), fail())
    given(*done(*failed, ask_refund())).when(retry()).refused("more_than_captured")
    given(*done(*failed, ask_refund("5.00"))).when(retry()).refused("more_than_captured")


def test_an_overcharge_is_not_given_back_twice() -> None:
    twice = (CREATE, pay("25.00"), authorise("25.00"), capture(payment_id=2))
    failed = (*twice, ask_refund(), approve(), fail())
    given(*done(*failed, ask_refund())).when(retry()).refused("refunded_otherwise", "refund 1 no longer matches")


def test_an_allowance_is_not_retried_after_its_line_was_cancelled() -> None:
    failed = (CREATE, PAY, ask_refund(lines=(amount(2, "4.00"),)), approve(), fail())
    given(*done(*failed, cancel(_2=1))).when(retry()).refused("refunded_otherwise")


def test_after_an_allowance_is_declined_cancelled_units_count_at_full_price() -> None:
    order = after(CREATE, PAY, ask_refund(lines=(amount(2, "4.00"),)), cancel(_2=1), decline())
    line = line_of(order, 2)
    assert (line.cancelled_amount, line.owed_back, line.charged) == (10, 10, 0)
    assert (order.owed, order.due) == (10, 0)


def test_the_reduction_that_a_declined_allowance_leaves_stands_in_the_event() -> None:
    past = done(CREATE, PAY, ask_refund(lines=(amount(2, "4.00"),)), cancel(_2=1))
    declined = RefundDeclined(
        order_id=ORDER,
        refund_id=1,
        amount=Decimal("4.00"),
        kept=(LineAmount(line_id=2, quantity=0, amount=Decimal("4.00"), tax=Decimal(0)),),
        reason="Not our fault",
        currency="GBP",
    )
    given(*past).when(decline()).then(declined)
    otherwise = replace(declined, kept=(LineAmount(line_id=2, quantity=0, amount=Decimal("1.00"), tax=Decimal(0)),))
    line = line_of(reduce(evolve, [*past, otherwise], Order()), 2)
    assert (line.cancelled_amount, line.owed_back) == (7, 7)
    of_version_1 = replace(declined, kept=None)
    assert reduce(evolve, [*past, of_version_1], Order()) == reduce(evolve, [*past, declined], Order())


def test_the_amount_due_does_not_change_while_a_refund_is_pending() -> None:
    past = (CREATE, PAY, cancel(_1=2), ask_refund(), EditOrder(order_id=ORDER, added=(MUGS,)))
    assert [after(*past, *more).due for more in ((), (approve(),), (approve(), settle()))] == [15, 15, 15]


@pytest.mark.parametrize(
    ("past", "command"),
    [
        ((), settle()),
        ((), fail()),
        ((), retry()),
        ((approve(),), approve()),
        ((approve(),), decline()),
        ((approve(), settle()), settle()),
        ((approve(), settle()), fail()),
        ((approve(), settle()), decline()),
        ((approve(), fail()), settle()),
        ((decline(),), approve()),
        ((decline(),), retry()),
    ],
)
def test_a_refund_does_not_go_back_to_an_earlier_status(past: tuple[object, ...], command: object) -> None:
    given(*done(CREATE, PAY, ask_refund("5.00"), *past)).when(command).refused("refund_is_otherwise")


@pytest.mark.parametrize("command", [approve(), decline(), settle(), fail(), retry()])
def test_only_refunds_that_the_order_has_are_decided_on(command: object) -> None:
    given(CREATED, PAID).when(command).refused("refund_not_found", "no refund 1")


def test_declining_and_failing_say_why() -> None:
    given(*done(CREATE, PAY, ask_refund("1.00"))).when(replace(decline(), reason="")).refused("no_reason")
    given(*done(CREATE, PAY, ask_refund("1.00"), approve())).when(replace(fail(), reason="")).refused("no_reason")


@pytest.mark.parametrize("command", [ask_refund(), approve(), decline(), settle(), fail(), retry()])
def test_an_order_that_was_never_created_is_not_found(command: object) -> None:
    given().when(command).refused("order_not_found")


def test_a_cancelled_and_refunded_order_ends_with_all_sums_zero() -> None:
    ended = after(
        WITH_TAX,
        pay("22.96"),
        ask_refund("0.07"),
        approve(),
        settle(),
        ship(_1=1),
        cancel(_1=2),
        CANCEL,
        *come_back(_1=1),
        ask_refund(),
        approve(2),
        settle(2),
        ask_refund(lines=(units(3, 1),)),
        approve(3),
        settle(3),
    )
    assert (ended.charged, ended.net_captured, ended.due, ended.due_back) == (0, 0, 0, 0)
    assert all(line.tax_off == line.tax for line in ended.lines)


def test_free_units_are_refunded_only_once() -> None:
    gift = replace(CREATE, lines=(replace(MUGS, unit_price=Decimal(0)), THROW))
    failed = (gift, pay("10.00"), ask_refund(lines=(units(1, 2), amount(2, "1.00"))), approve(), fail())
    given(*done(*failed, ask_refund(lines=(units(1, 1), amount(2, "1.00"))))).when(retry()).refused(
        "refunded_otherwise"
    )
    past = done(gift, pay("10.00"), ask_refund(lines=(units(1, 1), amount(2, "1.00"))))
    edit = EditOrder(order_id=ORDER, quantities=(LineQuantity(line_id=1, quantity=5),))
    given(*past).when(edit).refused("line_not_editable")


def test_only_the_process_manager_finishes_a_refund_in_transit_to_the_account() -> None:
    approved = done(CREATE, PAY, CANCEL, ask_refund(to_account=True), approve())
    for command in (settle(), fail()):
        given(*approved).when(command).refused("to_account", "wait until it is done")
        assert given(*approved).when(replace(command, by=MOVER)).events()


def test_a_program_approves_nothing_for_a_person() -> None:
    with shop(approval_limits={"GBP": Decimal(20)}):
        of_a_person = done(CREATE, PAY, ask_refund("1.00"))
        of_a_program = done(CREATE, PAY, ask_refund("1.00", by="service:erp"))
        given(*of_a_person).when(approve(by="service:erp")).refused("second_person_needed", "ask a person")
        assert given(*of_a_program).when(approve(by="service:erp-2")).events()
        given(*done(CREATE, PAY, ask_refund("20.01"))).when(approve(by="staff:Anna")).refused("second_person_needed")
