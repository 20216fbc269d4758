"""The rules of an account."""

from dataclasses import replace
from decimal import Decimal
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as always
from hypothesis import strategies as st

from eventstore import codec
from eventstore.errors import AggregateNotFound, CommandRefused
from eventstore.records import History
from eventstore.snapshots import state_of
from orders.accounts.commands import DepositMoney, OpenAccount, WithdrawMoney
from orders.accounts.events import AccountEvent, AccountOpened, MoneyDeposited, MoneyWithdrawn
from orders.accounts.identity import MOVER, account_of
from orders.accounts.rules import ACCOUNT, OwnAccount, decide
from orders.accounts.state import Account, evolve
from tests.support.decider_spec import given

ID, ADA, EVE = UUID(int=11), UUID(int=2), UUID(int=3)
OPENED = AccountOpened(account_id=ID, customer_id=ADA, currency="GBP")


def deposit(amount: str, reference: str = "", **changes: Any) -> DepositMoney:
    command = DepositMoney(account_id=ID, amount=Decimal(amount), method="card", reference=reference)
    return replace(command, **changes)


def withdraw(amount: str, reason: str = "Paid out", **changes: Any) -> WithdrawMoney:
    return replace(WithdrawMoney(account_id=ID, amount=Decimal(amount), reason=reason), **changes)


def deposited(amount: str, reference: str = "") -> MoneyDeposited:
    return MoneyDeposited(account_id=ID, amount=Decimal(amount), currency="GBP", method="card", reference=reference)


def withdrawn(amount: str, reason: str = "Paid out", reference: str = "") -> MoneyWithdrawn:
    return MoneyWithdrawn(account_id=ID, amount=Decimal(amount), currency="GBP", reason=reason, reference=reference)


def test_the_balance_is_deposits_less_withdrawals() -> None:
    given(OPENED, deposited("50.00"), deposited("70.00"), withdrawn("20.00")).leads_to(
        "account", Account(customer_id=ADA, currency="GBP", balance=Decimal("100.00"))
    )


def test_an_account_is_opened_once_in_a_known_currency() -> None:
    command = OpenAccount(account_id=ID, customer_id=ADA, currency="GBP")
    given().when(command).then(OPENED)
    given(OPENED).when(command).refused("account_exists")
    given().when(replace(command, currency="XXQ")).refused("unknown_currency")


def test_money_is_deposited_in_the_accounts_own_currency_and_decimals() -> None:
    given(OPENED).when(deposit("50", "pay_1")).then(deposited("50.00", "pay_1"))


def test_the_same_payment_of_a_provider_is_deposited_once() -> None:
    given(OPENED, deposited("50.00", "pay_1")).when(deposit("50", "pay_1")).then()
    given(OPENED, deposited("50.00", "pay_1")).when(deposit("50", "pay_2")).then(deposited("50.00", "pay_2"))
    given(OPENED, deposited("50.00")).when(deposit("50")).then(deposited("50.00"))


def test_each_reference_is_withdrawn_once() -> None:
    past = (OPENED, deposited("50.00"), withdrawn("20.00", reference="order/1"))
    given(*past).when(withdraw("20", reference="order/1")).then()
    given(*past).when(withdraw("20", reference="order/2")).then(withdrawn("20.00", reference="order/2"))
    given(*past, withdrawn("30.00")).when(withdraw("20", reference="order/1")).then()
    given(*past, withdrawn("5.00")).when(withdraw("5")).then(withdrawn("5.00"))


def test_a_used_reference_cannot_move_another_amount() -> None:
    past = (OPENED, deposited("50.00", "pay_1"), withdrawn("20.00", reference="order/1"))
    given(*past).when(deposit("50.01", "pay_1")).refused("reference_used", r"pay_1 was used for 50\.00")
    given(*past).when(withdraw("19.99", reference="order/1")).refused("reference_used")
    given(*past).when(withdraw("50", reference="pay_1")).refused("balance_too_low")


def test_a_deposit_with_customer_and_currency_opens_the_account() -> None:
    command = deposit("50", customer_id=ADA, currency="GBP")
    given().when(command).then(OPENED, deposited("50.00"))
    given(OPENED).when(command).then(deposited("50.00"))
    given().when(replace(command, currency="XXQ")).refused("unknown_currency")
    given().when(replace(command, amount=Decimal(-1))).refused("amount_not_positive")


def test_money_of_another_customer_or_currency_is_not_moved() -> None:
    past = (OPENED, deposited("50.00"))
    given(*past).when(deposit("5", customer_id=EVE)).refused("account_not_found")
    given(*past).when(deposit("5", customer_id=ADA)).then(deposited("5.00"))
    for command in (deposit("5"), withdraw("5")):
        given(*past).when(replace(command, currency="EUR")).refused("currency_differs", "in GBP, not in EUR")
        assert given(*past).when(replace(command, currency="GBP")).events()


def test_a_customer_has_one_account_in_each_currency() -> None:
    assert account_of(ADA, "GBP") == account_of(ADA, "GBP")
    assert len({account_of(ADA, "GBP"), account_of(ADA, "EUR"), account_of(EVE, "GBP")}) == 3


def test_at_most_the_balance_is_withdrawn() -> None:
    past = (OPENED, deposited("20.00"))
    given(*past).when(withdraw("20.01")).refused(
        "balance_too_low", r"20\.01 GBP cannot be withdrawn: the balance is 20\.00"
    )
    given(*past).when(withdraw("20")).then(withdrawn("20.00"))


def test_a_withdrawal_has_a_reason() -> None:
    given(OPENED, deposited("20.00")).when(withdraw("1", reason="  ")).refused("no_reason")


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "-Infinity"])
def test_amounts_must_be_more_than_zero(amount: str) -> None:
    for command in (deposit(amount), withdraw(amount)):
        given(OPENED, deposited("20.00")).when(command).refused("amount_not_positive")


def test_amounts_are_whole_smallest_units_and_below_the_limit() -> None:
    for command in (deposit("1.005"), withdraw("1.005")):
        given(OPENED, deposited("20.00")).when(command).refused("amount_not_exact")
    given(OPENED).when(deposit("1e12")).refused("amount_too_large")
    given(OPENED, deposited("999999999999.99")).when(deposit("0.01")).refused("amount_too_large", "balance")


def test_commands_to_a_missing_account_are_refused() -> None:
    for command in (deposit("1"), withdraw("1")):
        with pytest.raises(AggregateNotFound, match="there is no account"):
            given().when(command).events()


def test_for_other_customers_an_account_does_not_exist() -> None:
    account = Account(customer_id=ADA, currency="GBP")
    OwnAccount(account_id=ID, customer_id=ADA)(account)
    with pytest.raises(AggregateNotFound):
        OwnAccount(account_id=ID, customer_id=EVE)(account)


def test_a_withdrawal_of_version_1_has_no_reference() -> None:
    stored = (
        '{"account_id": "00000000-0000-0000-0000-00000000000b", "amount": "20.00", "currency": "GBP", "reason": "x"}'
    )
    assert codec.decode("account.withdrawn", 1, stored) == withdrawn("20.00", reason="x")


def test_a_snapshot_contains_the_references() -> None:
    history: list[AccountEvent] = [OPENED, deposited("50.00", "pay_1"), withdrawn("20.00", reference="o/1")]
    account = reduce(evolve, history, Account())
    stored = History(snapshot=codec.encode(account), snapshot_version=3)
    assert state_of(ACCOUNT, stored) == account


@always(st.lists(st.tuples(st.booleans(), st.integers(-200, 2_000_000)), max_size=30))
def test_after_random_commands_the_balance_is_deposits_less_withdrawals_and_never_below_zero(
    steps: list[tuple[bool, int]],
) -> None:
    history: list[AccountEvent] = [OPENED]
    for is_deposit, pence in steps:
        amount = str(Decimal(pence) / 100)
        account = reduce(evolve, history, Account())
        try:
            history += decide(deposit(amount) if is_deposit else withdraw(amount), account)
        except CommandRefused:
            assert pence <= 0 or (not is_deposit and Decimal(amount) > account.balance), "refused without a reason"
    balance = reduce(evolve, history, Account()).balance
    paid_in = sum((event.amount for event in history if isinstance(event, MoneyDeposited)), Decimal(0))
    paid_out = sum((event.amount for event in history if isinstance(event, MoneyWithdrawn)), Decimal(0))
    assert balance == paid_in - paid_out
    assert balance >= 0


# --- references that the shop gives -----------------------------------------------------------------------------------

FORGED = ("refund:{0}/1", "returned:{0}/1", "taken-back:refund:{0}/1", "{0}/1")


@pytest.mark.parametrize("reference", [each.format(UUID(int=1)) for each in FORGED])
@pytest.mark.parametrize(
    "spell", [str, str.upper, " {} ".format, "\u00a0{}".format], ids=["as is", "upper", "spaces", "nbsp"]
)
def test_only_the_process_moves_money_under_references_of_orders(reference: str, spell: Any) -> None:
    for command in (deposit("5", spell(reference)), withdraw("5", reference=spell(reference))):
        given(OPENED, deposited("10")).when(command).refused("reference_reserved")
        given(OPENED, deposited("10")).when(replace(command, by="staff:anna")).refused("reference_reserved")
    by_the_process = deposit("5", reference, by=MOVER)
    given(OPENED).when(by_the_process).then(deposited("5", reference))


@pytest.mark.parametrize(
    "method", ["refund", "Refund", " refund ", "\uff52efund", "returned payment", "returnedPayment"]
)
def test_only_the_process_deposits_what_an_order_gives_back(method: str) -> None:
    given(OPENED).when(deposit("5", method=method)).refused("method_reserved")


@pytest.mark.parametrize("reference", ["pay_1", "refund of the mug", "1/1", "ORDER/1", "re:1"])
def test_other_references_are_free(reference: str) -> None:
    given(OPENED).when(deposit("5", reference)).then(deposited("5", reference))
