"""Payments from an account and refunds to it: a crash at any point neither loses nor doubles money."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import given as always
from hypothesis import strategies as st

from eventstore import store
from eventstore.dispatch import Context, current_state, dispatch
from eventstore.errors import CommandRefused
from eventstore.followers import process_managers
from eventstore.ids import new_id
from eventstore.models import ConsumerCheckpoint, PlannedCommand
from orders.accounts.commands import DepositMoney, WithdrawMoney
from orders.accounts.identity import MOVER, account_of
from orders.accounts.rules import ACCOUNT
from orders.accounts.state import Account
from orders.commands import (
    ApproveRefund,
    CancelOrder,
    CapturePayment,
    FailRefund,
    PayFromAccount,
    PayOrder,
    RecordPaymentFailure,
    RequestRefund,
    RetryRefund,
    SettleRefund,
)
from orders.order import ORDER
from orders.state import Order
from orders.values import RefundStatus
from tests.support.order_examples import CREATE
from tests.support.statements import sent
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PROCESS = "account-payments"
ALL, NONE = Decimal("25.00"), Decimal(0)


@pytest.fixture(autouse=True)
def _installed(transactional_db: None) -> None:
    process_managers.install()


class Shop:
    """One customer with an order of 25.00 GBP and an account."""

    def __init__(self, balance: str = "0") -> None:
        self.customer_id, self.order_id = new_id(), new_id()
        self.account_id = account_of(self.customer_id, "GBP")
        self.paid_in = Decimal(0)
        self.send(replace(CREATE, order_id=self.order_id, customer_id=self.customer_id))
        if Decimal(balance):
            self.pay_in(balance)

    def send(self, command: object) -> None:
        dispatch(command, Context(actor="staff:anna"))

    def pay_in(self, amount: str) -> None:
        self.paid_in += Decimal(amount)
        self.send(
            DepositMoney(
                account_id=self.account_id,
                customer_id=self.customer_id,
                currency="GBP",
                amount=Decimal(amount),
                method="card",
            )
        )

    def pay(self, amount: str | None = None) -> None:
        self.send(PayFromAccount(order_id=self.order_id, amount=Decimal(amount) if amount else None))

    def cancel(self) -> None:
        self.send(CancelOrder(order_id=self.order_id, reason="Changed my mind"))

    def refund(self, amount: str | None = None) -> int:
        request = RequestRefund(
            order_id=self.order_id,
            amount=Decimal(amount) if amount else None,
            reason="Not wanted",
            to_account=True,
            by="staff:anna",
        )
        self.send(request)
        refund_id = len(self.order.refunds)
        self.send(ApproveRefund(order_id=self.order_id, refund_id=refund_id, by="staff:ben"))
        return refund_id

    @property
    def order(self) -> Order:
        return current_state(ORDER, self.order_id)

    @property
    def account(self) -> Account:
        return current_state(ACCOUNT, self.account_id)

    def events(self) -> list[str]:
        """Return the names of all events of order and account, in the order of the log."""
        facts = [*store.read_stream(self.order_id), *store.read_stream(self.account_id)]
        return [type(fact.event).__name__ for fact in sorted(facts, key=lambda fact: fact.position)]

    def require_conserved(self) -> None:
        """Assert that all money paid in is in the account or on the order, and nothing is in transit."""
        order = self.order
        captured = sum((each.captured for each in order.payments if each.account_id), NONE)
        refunded = sum((each.amount for each in order.refunds if _went_to_account(each)), NONE)
        spent_by_customer = sum((Decimal(plan.body["amount"]) for plan in _not_taken_back(self)), NONE)
        assert self.account.balance + captured - refunded == self.paid_in + spent_by_customer
        assert self.account.balance >= 0
        assert not any(each.capturable for each in order.payments if each.account_id), "a payment is still in transit"
        assert not any(each.status is RefundStatus.APPROVED for each in order.refunds if each.account_id)


def _went_to_account(refund: Any) -> bool:
    settled = refund.account_id and refund.status is RefundStatus.SETTLED
    return bool(settled and (not refund.reference or refund.reference.startswith("refund:")))


def _not_taken_back(shop: Shop) -> list[PlannedCommand]:
    """Return the plans to take back refunds that the customer had spent: refused, and listed for staff."""
    refused = PlannedCommand.objects.filter(key=shop.order_id, refused_at__isnull=False)
    return [plan for plan in refused if str(plan.body.get("reference", "")).startswith("taken-back:")]


def catch_up() -> None:
    """Run the process until nothing is left to do. Failed commands are retried at once."""
    for _ in range(20):
        before = store.latest_position(), PlannedCommand.objects.filter(process=PROCESS, refused_at=None).count()
        PlannedCommand.objects.filter(process=PROCESS).update(due_at=timezone.now() - timedelta(seconds=1))
        process_managers.run()
        after = store.latest_position(), PlannedCommand.objects.filter(process=PROCESS, refused_at=None).count()
        if after == before and not after[1]:
            return
    raise AssertionError("the process does not finish")


# --- single scenarios -------------------------------------------------------------------------------------------------


def test_an_order_is_paid_from_the_account_and_refunded_to_it() -> None:
    shop = Shop("40")
    shop.pay()
    catch_up()
    assert (shop.account.balance, shop.order.captured, shop.order.due) == (Decimal("15.00"), ALL, NONE)
    shop.cancel()
    shop.refund()
    catch_up()
    assert (shop.account.balance, shop.order.refunded, shop.order.due_back) == (Decimal("40.00"), ALL, NONE)
    assert shop.events() == [
        "OrderCreated",
        "AccountOpened",
        "MoneyDeposited",
        "PaymentAuthorised",
        "MoneyWithdrawn",
        "PaymentCaptured",
        "OrderCancelled",
        "RefundRequested",
        "RefundApproved",
        "MoneyDeposited",
        "RefundSettled",
    ]
    shop.require_conserved()


def test_each_step_names_its_cause_and_the_service() -> None:
    shop = Shop("25")
    shop.pay()
    catch_up()
    authorised, captured = store.read_stream(shop.order_id)[-2:]
    withdrawn = store.read_stream(shop.account_id)[-1]
    assert withdrawn.metadata.causation_id == authorised.event_id
    assert captured.metadata.causation_id == withdrawn.event_id
    assert {fact.metadata.correlation_id for fact in (authorised, withdrawn, captured)} == {
        authorised.metadata.correlation_id
    }
    assert withdrawn.metadata.actor == f"service:{PROCESS}"


def test_too_low_a_balance_fails_the_payment_with_the_reason_of_the_account() -> None:
    shop = Shop("24.99")
    shop.pay()
    catch_up()
    assert shop.events()[-1] == "PaymentFailed"
    assert (
        store.read_stream(shop.order_id)[-1].event.reason == "25.00 GBP cannot be withdrawn: the balance is 24.99 GBP"
    )
    assert (shop.account.balance, shop.order.due) == (Decimal("24.99"), ALL)
    shop.require_conserved()
    shop.pay_in("0.01")
    shop.pay()
    catch_up()
    assert shop.order.captured == ALL
    shop.require_conserved()


def test_a_payment_without_an_account_fails_and_a_refund_opens_one() -> None:
    shop = Shop()
    shop.pay()
    catch_up()
    assert store.read_stream(shop.order_id)[-1].event.reason == f"there is no account {shop.account_id}"
    _pay_by_card(shop)
    shop.refund("10")
    catch_up()
    assert shop.events()[-3:] == ["AccountOpened", "MoneyDeposited", "RefundSettled"]
    assert (shop.account.customer_id, shop.account.balance) == (shop.customer_id, Decimal("10.00"))


def _pay_by_card(shop: Shop) -> None:
    shop.send(PayOrder(order_id=shop.order_id, amount=ALL, payment_method="card", payment_reference="pay_1"))


def test_money_withdrawn_for_an_order_cancelled_in_between_is_due_back() -> None:
    shop = Shop("25")
    shop.pay()
    process_managers.run()  # money is withdrawn, but not captured yet
    assert (shop.account.balance, shop.order.captured) == (NONE, NONE)
    shop.cancel()
    catch_up()
    assert (shop.order.captured, shop.order.due_back) == (ALL, ALL)
    shop.require_conserved()
    shop.refund()
    catch_up()
    assert (shop.account.balance, shop.order.due_back) == (ALL, NONE)
    shop.require_conserved()


def test_money_withdrawn_for_a_failed_payment_returns_to_the_account() -> None:
    shop = Shop("25")
    shop.pay()
    process_managers.run()
    give_up(shop, 1)
    catch_up()
    assert shop.events()[-3:] == ["MoneyWithdrawn", "PaymentFailed", "MoneyDeposited"]
    assert shop.account.balance == ALL
    shop.require_conserved()


@pytest.mark.parametrize("amount", ["25.00", "10.00"])
def test_an_amount_captured_by_hand_is_not_returned(amount: str) -> None:
    shop = Shop("25")
    shop.pay()
    process_managers.run()
    shop.send(CapturePayment(order_id=shop.order_id, payment_id=1, amount=Decimal(amount), by=MOVER))
    catch_up()
    assert shop.account.balance == ALL - Decimal(amount)
    assert shop.account.balance + shop.order.captured == ALL


def test_a_retried_refund_makes_a_new_deposit() -> None:
    shop = Shop("25")
    shop.pay()
    catch_up()
    shop.cancel()
    refund_id = shop.refund()
    process_managers.run()  # money is deposited, but the refund is not settled yet
    fail(shop, refund_id)
    catch_up()
    assert (shop.account.balance, shop.events()[-1]) == (NONE, "MoneyWithdrawn")
    shop.require_conserved()
    shop.send(RetryRefund(order_id=shop.order_id, refund_id=refund_id))
    catch_up()
    assert (shop.account.balance, shop.order.refunded) == (ALL, ALL)
    shop.require_conserved()


@pytest.mark.parametrize(("reference", "left"), [("", ALL), ("bank-7", NONE)])
def test_a_refund_settled_by_hand_first_is_paid_once(reference: str, left: Decimal) -> None:
    """Without a reference this settles the deposit. With one, the money went elsewhere: the deposit is taken back."""
    shop = Shop("25")
    shop.pay()
    catch_up()
    shop.cancel()
    refund_id = shop.refund()
    process_managers.run()
    shop.send(SettleRefund(order_id=shop.order_id, refund_id=refund_id, reference=reference, by=MOVER))
    catch_up()
    assert (shop.account.balance, shop.order.refunded) == (left, ALL)
    shop.require_conserved()


def test_a_failed_refund_that_was_spent_is_listed_for_staff() -> None:
    shop = Shop("25")
    shop.pay()
    catch_up()
    shop.cancel()
    refund_id = shop.refund()
    process_managers.run()
    shop.send(WithdrawMoney(account_id=shop.account_id, amount=ALL, reason="Paid out"))
    shop.paid_in -= ALL
    fail(shop, refund_id)
    catch_up()
    (plan,) = _not_taken_back(shop)
    assert "cannot be withdrawn: the balance is 0.00" in plan.problem
    shop.require_conserved()


def test_references_of_another_account_move_nothing() -> None:
    shop, other = Shop("25"), Shop("25")
    shop.pay()
    for reference in (f"{shop.order_id}/1", f"{shop.order_id}/7", f"{new_id()}/1", f"{'-' * 36}/1"):
        other.send(
            WithdrawMoney(
                account_id=other.account_id, amount=Decimal(5), reason="Paid out", reference=reference, by=MOVER
            )
        )
        other.paid_in -= 5
    catch_up()
    assert (shop.order.captured, shop.account.balance) == (ALL, NONE)
    shop.require_conserved()
    other.require_conserved()


# --- crashes ----------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """A crash: no code under test catches it."""


READING = ("SELECT", "SAVEPOINT", "RELEASE")
"""These statements change nothing, so a crash before one of them is the same as a crash before the previous one."""


@contextmanager
def killed_before(statement: int) -> Iterator[list[str]]:
    """Raise Killed before the given statement: between any two statements, so also before and after each commit."""

    def die(sent_before: list[str]) -> None:
        if len(sent_before) == statement:
            raise Killed

    with sent(before=die) as statements, suppress(Killed):
        yield statements


def a_payment(shop: Shop) -> None:
    shop.pay()


def a_payment_of_an_order_that_is_cancelled_in_between(shop: Shop) -> None:
    shop.pay()
    process_managers.run()
    shop.cancel()


def a_payment_that_is_given_up_in_between(shop: Shop) -> None:
    a_payment_of_an_order_that_is_cancelled_in_between(shop)
    give_up(shop, 1)


def a_payment_that_the_account_cannot_make(shop: Shop) -> None:
    shop.send(WithdrawMoney(account_id=shop.account_id, amount=Decimal(20), reason="Paid out"))
    shop.paid_in -= 20
    shop.pay()


def a_refund(shop: Shop) -> None:
    shop.pay()
    catch_up()
    shop.cancel()
    shop.refund()


def a_refund_that_is_given_up_in_between(shop: Shop) -> None:
    a_refund(shop)
    process_managers.run()
    fail(shop, 1)


SCENARIOS = (
    a_payment,
    a_payment_of_an_order_that_is_cancelled_in_between,
    a_payment_that_is_given_up_in_between,
    a_payment_that_the_account_cannot_make,
    a_refund,
    a_refund_that_is_given_up_in_between,
)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_crash_between_any_two_statements_neither_loses_nor_doubles_money(scenario: Callable[[Shop], None]) -> None:
    whole = Shop("30")
    scenario(whole)
    with killed_before(-1) as statements:
        catch_up()
    expected = whole.account.balance, whole.order.captured, whole.order.refunded, whole.events()
    whole.require_conserved()
    deaths = [number for number, before in enumerate(statements, start=1) if not before.lstrip().startswith(READING)]
    assert len(deaths) > 8, "otherwise no crash was tried"
    for number in deaths:
        shop = Shop("30")
        scenario(shop)
        with killed_before(number):
            catch_up()
        connection.close()  # a dead process leaves its transaction to the database
        catch_up()
        shop.require_conserved()
        assert (shop.account.balance, shop.order.captured, shop.order.refunded, shop.events()) == expected, number


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_events_delivered_again_move_nothing(scenario: Callable[[Shop], None]) -> None:
    shop = Shop("30")
    scenario(shop)
    for _ in range(4):
        process_managers.run()
        ConsumerCheckpoint.objects.filter(name=f"process:{PROCESS}").update(position=0)
    catch_up()
    before = shop.events()
    shop.require_conserved()
    PlannedCommand.objects.filter(process=PROCESS).delete()  # as after restoring a backup
    ConsumerCheckpoint.objects.filter(name=f"process:{PROCESS}").update(position=0)
    catch_up()
    assert shop.events() == before


def test_two_workers_at_once_move_money_once() -> None:
    shops = [Shop("25") for _ in range(5)]
    for shop in shops:
        shop.pay()
    for _ in range(3):
        with at_once(*[process_managers.run] * 3):
            pass
    catch_up()
    for shop in shops:
        assert (shop.account.balance, shop.order.captured) == (NONE, ALL)
        shop.require_conserved()


# --- random steps -----------------------------------------------------------------------------------------------------


def read_events(shop: Shop) -> None:
    """Let the process read new events and crash before it sends a command."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(process_managers, "send_due", lambda: 0)
        process_managers.run()


def read_events_again(shop: Shop) -> None:
    ConsumerCheckpoint.objects.filter(name=f"process:{PROCESS}").update(position=0)


def give_up(shop: Shop, payment_id: int) -> None:
    failure = RecordPaymentFailure(
        order_id=shop.order_id,
        payment_id=payment_id,
        amount=ALL,
        payment_method="account",
        reason="By hand",
        by=MOVER,
    )
    shop.send(failure)


def fail(shop: Shop, refund_id: int) -> None:
    shop.send(FailRefund(order_id=shop.order_id, refund_id=refund_id, reason="By hand", by=MOVER))


def retry(shop: Shop, refund_id: int) -> None:
    shop.send(RetryRefund(order_id=shop.order_id, refund_id=refund_id))


def settle(shop: Shop, refund_id: int) -> None:
    shop.send(SettleRefund(order_id=shop.order_id, refund_id=refund_id, by=MOVER))


def settle_otherwise(shop: Shop, refund_id: int) -> None:
    shop.send(SettleRefund(order_id=shop.order_id, refund_id=refund_id, reference="bank-7", by=MOVER))


AMOUNTS = ("0.01", "5", "12.50", "25")
STEPS = st.one_of(
    st.tuples(st.sampled_from((Shop.pay_in, Shop.pay, Shop.refund)), st.sampled_from(AMOUNTS)),
    st.tuples(
        st.sampled_from((Shop.cancel, Shop.refund, read_events, read_events_again, lambda shop: process_managers.run()))
    ),
    st.tuples(st.sampled_from((give_up, fail, retry, settle, settle_otherwise)), st.integers(1, 3)),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@always(st.lists(STEPS, min_size=3, max_size=25))
def test_money_is_conserved_in_any_order_of_steps(steps: list[tuple[Any, ...]]) -> None:
    shop = Shop("20")
    for step, *given in steps:
        with suppress(CommandRefused):
            step(shop, *given)
        assert shop.account.balance >= 0
    catch_up()
    shop.require_conserved()
