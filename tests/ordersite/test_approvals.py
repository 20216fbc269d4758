"""What people move by hand, over one limit for every kind: attempts of one clerk, and the second person."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from eventstore import store
from eventstore.dispatch import Context, current_state, dispatch
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from orders.accounts.commands import DepositMoney, WithdrawMoney
from orders.accounts.identity import account_of
from orders.accounts.rules import ACCOUNT
from orders.commands import (
    AuthorisePayment,
    CapturePayment,
    EditOrder,
    NewDiscount,
    NewLine,
    PayFromAccount,
    PayOrder,
    WriteOff,
)
from orders.http.approvals import WaitsForApproval, approve, send, waiting
from orders.order import ORDER
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE
from tests.support.admin import act, text
from tests.support.admin import submit as submit_form
from tests.support.api import ORDERS, PAYMENT, place, problem
from tests.support.api import send as send_api
from tests.support.back_office import staff_client
from tests.support.order_examples import CREATE
from tests.support.order_stories import shop

LogIn = Callable[..., Client]
OFFICE = "/api/v1/back-office"
PAGE = "/admin/ordersite/waitingapproval/"
ANNA, BEN = "staff:anna", "staff:ben"
CUSTOMER = UUID(int=77)
ACCOUNT_ID = account_of(CUSTOMER, "GBP")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    """A shop where a person moves at most 20 pounds alone; the example order costs 25."""
    with shop(approval_limits={"GBP": Decimal(20)}):
        yield


def deposit(amount: str, **changes: Any) -> DepositMoney:
    command = DepositMoney(
        account_id=ACCOUNT_ID, customer_id=CUSTOMER, currency="GBP", amount=Decimal(amount), method="card"
    )
    return replace(command, **changes)


def order() -> UUID:
    """Place the example order as its customer."""
    created = replace(CREATE, order_id=new_id(), customer_id=CUSTOMER)
    dispatch(created, Context(actor=f"customer:{CUSTOMER}"))
    return created.order_id


def balance() -> Decimal:
    return current_state(ACCOUNT, ACCOUNT_ID).balance


def by(actor: str) -> Context:
    return Context(actor=actor)


# --- what counts ------------------------------------------------------------------------------------------------------


def write_off() -> object:
    return WriteOff(order_id=order(), reason="Lost")


def pay() -> object:
    return PayOrder(order_id=order(), amount=Decimal(25), payment_method="transfer")


def capture() -> object:
    order_id = order()
    dispatch(AuthorisePayment(order_id=order_id, amount=Decimal(25), payment_method="card"), by(ANNA))
    return CapturePayment(order_id=order_id, payment_id=1)


def withdraw() -> object:
    dispatch(deposit("50"), by(f"customer:{CUSTOMER}"))
    return WithdrawMoney(account_id=ACCOUNT_ID, amount=Decimal(25), reason="Paid out")


def from_account() -> object:
    dispatch(deposit("50"), by(f"customer:{CUSTOMER}"))
    return PayFromAccount(order_id=order())


def discounted() -> object:
    return replace(CREATE, order_id=new_id(), discounts=(NewDiscount(name="Goodwill", amount=Decimal("20.01")),))


def edited() -> object:
    line = NewLine(sku="GIFT", name="Gift", quantity=1, unit_price=Decimal(30), discount=Decimal(30))
    return EditOrder(order_id=order(), added=(line,))


MOVES = (write_off, pay, capture, withdraw, from_account, discounted, edited, lambda: deposit("20.01"))


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_every_movement_by_hand_over_the_limit_needs_a_second_person(move: Callable[[], object]) -> None:
    command = move()
    with pytest.raises(CommandRefused) as refused:
        dispatch(command, by(ANNA))
    assert refused.value.code == "approval_needed"


@pytest.mark.parametrize("actor", [f"customer:{CUSTOMER}", "service:erp", "service:account-payments"])
@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_customers_and_programs_have_no_such_limit(move: Callable[[], object], actor: str) -> None:
    dispatch(move(), by(actor))


def test_splitting_does_not_help_across_kinds_and_customers() -> None:
    for _ in range(4):
        dispatch(deposit("5", account_id=account_of(customer := new_id(), "GBP"), customer_id=customer), by(ANNA))
    for command in (deposit("0.01"), WriteOff(order_id=order(), reason="Lost", amount=Decimal("0.01"))):
        with pytest.raises(CommandRefused, match=r"20\.01 GBP alone in 24 hours"):
            dispatch(command, by(ANNA))
        with pytest.raises(CommandRefused, match="alone in 24 hours"):
            dispatch(command, by("staff:ANNA"))
    dispatch(deposit("20"), by(BEN))


def test_a_currency_without_a_limit_always_needs_a_second_person() -> None:
    euros = deposit("0.01", account_id=account_of(CUSTOMER, "EUR"), currency="EUR")
    with pytest.raises(CommandRefused, match=r"0\.00 EUR is the most"):
        dispatch(euros, by(ANNA))


def test_what_is_refused_counts_nothing_and_leaves_nothing() -> None:
    before = store.latest_position()
    with pytest.raises(CommandRefused):
        dispatch(deposit("21"), by(ANNA))
    assert store.latest_position() == before
    dispatch(deposit("20"), by(ANNA))
    assert balance() == 20


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_pass_the_limit_together_only_once() -> None:
    def attempt(_: int) -> bool:
        try:
            dispatch(deposit("6", account_id=account_of(customer := new_id(), "GBP"), customer_id=customer), by(ANNA))
        except CommandRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(6))) == 3


# --- the second person ------------------------------------------------------------------------------------------------


def ask(command: object, actor: str = ANNA) -> UUID:
    """Send a command over the limit, and return the id of its approval."""
    with pytest.raises(WaitsForApproval) as waits:
        send(command, by(actor))
    return waits.value.approval_id


def approved_by(person: str, approval_id: UUID) -> Any:
    return approve(approval_id, by=person, correlation_id=new_id())


def test_an_approved_command_is_done_once_with_both_names() -> None:
    context = by(ANNA)
    with pytest.raises(WaitsForApproval) as waits:
        send(deposit("980"), context)
    assert waiting().count() == 1
    with pytest.raises(CommandRefused, match="yourself"):
        approved_by("staff:Anna", waits.value.approval_id)
    with pytest.raises(CommandRefused, match="a program cannot approve"):
        approved_by("service:erp", waits.value.approval_id)
    approved_by(BEN, waits.value.approval_id)
    assert (balance(), waiting().count()) == (Decimal(980), 0)
    fact = store.read_stream(ACCOUNT_ID)[-1]
    assert (fact.metadata.actor, fact.metadata.extra["approved_by"]) == (ANNA, BEN)
    assert send(deposit("980"), context).replayed, "the requester sends it again, and gets its answer"
    with pytest.raises(CommandRefused, match="granted already"):
        approved_by(BEN, waits.value.approval_id)
    assert balance() == 980
    dispatch(deposit("20"), by(ANNA))  # what two persons moved does not count for one


def test_an_approval_is_decided_on_the_state_of_now() -> None:
    order_id = order()
    approval_id = ask(WriteOff(order_id=order_id, reason="Lost"))
    dispatch(PayOrder(order_id=order_id, amount=Decimal(25), payment_method="card"), by("customer:x"))
    with pytest.raises(CommandRefused, match="nothing is due"):
        approved_by(BEN, approval_id)
    assert waiting().count() == 1


def test_nobody_approves_more_than_was_asked_for() -> None:
    order_id = order()
    approval_id = ask(WriteOff(order_id=order_id, reason="Lost"))
    line = NewLine(sku="TEA", name="Tea", quantity=1, unit_price=Decimal(500))
    dispatch(EditOrder(order_id=order_id, added=(line,)), by("customer:x"))
    with pytest.raises(CommandRefused, match=r"25\.00 GBP was to be approved, and it would be 525\.00 GBP"):
        approved_by(BEN, approval_id)
    assert current_state(ORDER, order_id).bad_debt == 0


# --- the doors --------------------------------------------------------------------------------------------------------


def test_over_the_api_it_waits_and_another_person_approves_it(api: APIClient, projecting: None) -> None:
    anna, ben, order_id = staff_client(), staff_client("ben"), place(api)
    sent = send_api(anna, f"{OFFICE}/orders/{order_id}/write_off", {"reason": "Lost"}, "k")
    assert (sent.status_code, sent.json()["status"]) == (202, "waiting")
    (listed,) = ben.get(f"{OFFICE}/approvals").json()
    assert (listed["amount"], listed["moved_id"], listed["requested_by"]) == ("22.50", order_id, ANNA)
    address = sent["Location"]
    problem(anna.post(f"{address}/approve"), 409, "second_person_needed")
    done = ben.post(f"{address}/approve")
    assert (done.status_code, done.json()) == (200, {"moved_id": order_id, "version": 2})
    assert ben.get(address).json()["status"] == "granted"
    again = send_api(anna, f"{OFFICE}/orders/{order_id}/write_off", {"reason": "Lost"}, "k")
    assert (again.status_code, again["Idempotency-Replayed"]) == (200, "true")
    assert ben.get(f"{OFFICE}/approvals").json() == []
    problem(ben.get(f"{OFFICE}/approvals/{new_id()}"), 404, "approval_not_found")


def test_it_is_declined_over_the_api(api: APIClient, projecting: None) -> None:
    anna, order_id = staff_client(), place(api)
    address = send_api(anna, f"{OFFICE}/orders/{order_id}/pay", PAYMENT)["Location"]
    problem(anna.post(f"{address}/decline", {}, format="json"), 400, "invalid")
    assert anna.post(f"{address}/decline", {"reason": "A mistake"}, format="json").status_code == 204
    assert anna.get(address).json()["status"] == "declined"


def test_approvals_exist_only_for_who_may_send_commands(api: APIClient, projecting: None) -> None:
    for client in (api, staff_client("priya", ACCOUNTANTS)):
        for answer in (client.get(f"{OFFICE}/approvals"), client.post(f"{OFFICE}/approvals/{new_id()}/approve")):
            problem(answer, 404, "not_found")


def test_customers_pay_as_before(api: APIClient) -> None:
    order_id = place(api)
    assert send_api(api, f"{ORDERS}/{order_id}/payments", PAYMENT).status_code == 200


def test_in_the_admin_it_waits_on_a_page_for_another_person(log_in: LogIn, projecting: None) -> None:
    anna, order_id = log_in(BACK_OFFICE), order()
    page = text(submit_form(anna, "write_off", [order_id], reason="Lost"))
    assert "waits under Approvals" in page
    assert "25.00 GBP" in text(anna.get(PAGE))
    (row,) = waiting()
    assert "you asked for this yourself" in text(act(anna, PAGE, "approve", row.pk))
    ben = log_in(BACK_OFFICE, username="ben")
    assert "approved and done" in text(act(ben, PAGE, "approve", row.pk))
    assert current_state(ORDER, order_id).bad_debt == 25
    assert "25.00 GBP" not in text(ben.get(PAGE))


def test_a_deposit_in_the_admin_waits_too_and_is_declined(log_in: LogIn, projecting: None) -> None:
    dispatch(deposit("1"), by(f"customer:{CUSTOMER}"))
    anna = log_in(BACK_OFFICE)
    url = f"/admin/projections/accountmoney/{ACCOUNT_ID}/deposit/"
    form = {"form_id": str(new_id()), "seen": "2", "amount": "50000", "method": "cash"}
    assert "waits under Approvals" in text(anna.post(url, form, follow=True))
    (row,) = waiting()
    ben = log_in(BACK_OFFICE, username="ben")
    decline = f"{PAGE}{row.pk}/decline/"
    text(ben.get(decline))
    assert "Decline: done" in text(ben.post(decline, {"form_id": str(new_id()), "reason": "No"}, follow=True))
    assert (balance(), waiting().count()) == (Decimal(1), 0)


def test_accountants_have_no_page_of_approvals(log_in: LogIn) -> None:
    assert log_in(ACCOUNTANTS).get(PAGE).status_code == 403
