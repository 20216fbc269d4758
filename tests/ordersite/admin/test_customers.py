"""Commands about customers and their accounts, sent by the forms of the admin."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from eventstore import store
from eventstore.dispatch import Context, dispatch
from orders.accounts.commands import DepositMoney
from orders.accounts.identity import account_of
from ordersite.customers.lookup import current_customer
from ordersite.models import User
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE
from projections.accounting.balances import AccountMoney

LogIn = Callable[..., Client]
ACCOUNTS = "/admin/projections/accountmoney/"
USERS = "/admin/ordersite/user/"


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def sent(client: Client, url: str, **fields: str) -> str:
    """Send the form as it is shown now."""
    seen = re.findall(r'name="seen" value="(\d+)"', str(client.get(url).content.decode()))
    return text(client.post(url, {"form_id": str(uuid4()), "seen": seen, **fields}, follow=True))


def link_to(page: str, end: str) -> str:
    """Return the link in a page that ends with `end`."""
    return next(each for each in page.split('"') if each.endswith(end) and each.startswith("/admin/"))


@pytest.fixture
def balance(ada: User) -> Callable[[], Decimal]:
    assert ada.customer_id
    account_id = account_of(ada.customer_id, "GBP")
    deposit = DepositMoney(
        account_id=account_id, customer_id=ada.customer_id, currency="GBP", amount=Decimal(50), method="card"
    )
    dispatch(deposit, Context(actor="customer:ada"))
    return lambda: AccountMoney.objects.get(pk=account_id).balance


def test_staff_pay_into_an_account_and_pay_out_of_it(log_in: LogIn, balance: Callable[[], Decimal]) -> None:
    staff = log_in(BACK_OFFICE)
    listed = text(staff.get(ACCOUNTS))
    deposit, withdraw = (link_to(listed, f"/{name}/") for name in ("deposit", "withdraw"))
    assert "50.00 GBP" in text(staff.get(deposit)), "the form says whose account it is and what is in it"
    assert "Deposit: done" in sent(staff, deposit, amount="70", method="transfer")
    assert "Withdraw: done" in sent(staff, withdraw, amount="20", reason="Paid out in cash")
    assert balance() == 100
    assert store.read_stream(AccountMoney.objects.get().pk)[-1].metadata.actor == "staff:anna"


def test_what_a_rule_refuses_stands_beside_the_form_and_moves_nothing(
    log_in: LogIn, balance: Callable[[], Decimal]
) -> None:
    staff = log_in(BACK_OFFICE)
    withdraw = link_to(text(staff.get(ACCOUNTS)), "/withdraw/")
    assert "50.01 GBP cannot be withdrawn: the balance is 50.00" in sent(
        staff, withdraw, amount="50.01", reason="Too much"
    )
    assert "This field is required" in sent(staff, withdraw, amount="1")
    assert balance() == 50


def test_a_form_of_an_account_that_is_sent_twice_moves_money_once(
    log_in: LogIn, balance: Callable[[], Decimal]
) -> None:
    staff, form_id = log_in(BACK_OFFICE), str(uuid4())
    deposit = link_to(text(staff.get(ACCOUNTS)), "/deposit/")
    for _ in range(2):
        assert "Deposit: done" in sent(staff, deposit, form_id=form_id, amount="5", method="cash")
    assert balance() == 55


def test_staff_open_an_account_for_a_customer(log_in: LogIn, ada: User) -> None:
    staff = log_in(BACK_OFFICE)
    opening = link_to(text(staff.get(ACCOUNTS)), "/open/")
    assert "done" in sent(staff, opening, customer_id=str(ada.customer_id), currency="EUR")
    assert "is open already" in sent(staff, opening, customer_id=str(ada.customer_id), currency="EUR")
    assert AccountMoney.objects.get().currency == "EUR"


def test_accountants_see_accounts_and_move_nothing(log_in: LogIn, balance: Callable[[], Decimal]) -> None:
    deposit = link_to(text(log_in(BACK_OFFICE).get(ACCOUNTS)), "/deposit/")
    accountant = log_in(ACCOUNTANTS, username="ben")
    assert "/deposit/" not in text(accountant.get(ACCOUNTS))
    assert accountant.post(deposit, {"form_id": str(uuid4()), "amount": "1", "method": "card"}).status_code == 403
    assert balance() == 50


@pytest.fixture
def root(log_in: LogIn) -> Client:
    client = log_in(username="root")
    User.objects.filter(username="root").update(is_superuser=True)
    return client


def test_staff_verify_an_address_by_hand(root: Client, ada: User) -> None:
    assert "done" in sent(root, f"{USERS}{ada.pk}/verify-email/")
    assert ada.customer_id
    assert current_customer(ada.customer_id).verified
    (fact,) = [each for each in store.read_stream(ada.customer_id) if each.event.__class__.__name__ == "EmailVerified"]
    assert fact.metadata.actor == "staff:root"


def test_a_customer_is_forgotten_by_hand_unless_something_is_owed(
    root: Client, ada: User, balance: Callable[[], Decimal]
) -> None:
    url = f"{USERS}{ada.pk}/erase/"
    assert "Ada Whitfield" in text(root.get(url))
    assert "our account still holds 50.00 GBP" in sent(root, url)
    sent(root, f"{ACCOUNTS}{AccountMoney.objects.get().pk}/withdraw/", amount="50", reason="Paid out")
    assert "Erase personal data: done" in sent(root, url)
    ada.refresh_from_db()
    assert (ada.is_active, ada.first_name) == (False, "")


def test_staff_who_are_no_customers_are_not_forgotten(root: Client) -> None:
    user = User.objects.get(username="root")
    assert "not a customer" in text(root.get(f"{USERS}{user.pk}/erase/", follow=True))
