"""What people move by hand, over one limit for every kind: attempts of one clerk, and the second person."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from django.test import Client
from rest_framework.test import APIClient

from eventstore import store
from eventstore.dispatch import current_state, dispatch
from eventstore.errors import CommandRefused
from eventstore.ids import new_id
from orders.accounts.rules import ACCOUNT
from orders.commands import (
    EditOrder,
    NewLine,
    PayOrder,
    WriteOff,
)
from orders.http.approvals import WaitsForApproval, send, waiting
from orders.order import ORDER
from ordersite.roles import ACCOUNTANTS, BACK_OFFICE
from tests.support.admin import act, text
from tests.support.admin import submit as submit_form
from tests.support.api import ORDERS, PAYMENT, place, problem
from tests.support.api import send as send_api
from tests.support.back_office import staff_client
from tests.support.by_hand import ACCOUNT_ID, ANNA, BEN, CUSTOMER, approved_by, ask, by, deposit, order
from tests.support.order_stories import shop

LogIn = Callable[..., Client]
OFFICE = "/api/v1/back-office"
PAGE = "/admin/ordersite/waitingapproval/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    """A shop where a person moves at most 20 pounds alone; the example order costs 25."""
    with shop(approval_limits={"GBP": Decimal(20)}):
        yield


def balance() -> Decimal:
    return current_state(ACCOUNT, ACCOUNT_ID).balance


# --- the second person ------------------------------------------------------------------------------------------------


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
