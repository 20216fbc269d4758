"""Each address in an answer can be followed at once by the caller who got it, even while the read models are behind."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.urls import resolve
from rest_framework.test import APIClient

from eventstore.dispatch import Context, dispatch
from orders.actions import CUSTOMER_COMMANDS
from orders.commands import ShipOrder
from orders.http.allowed_requests import CUSTOMER_OPERATIONS
from ordersite.models import User
from ordersite.roles import BACK_OFFICE, write_roles
from projections.customer.orders import CustomerOrder
from projections.engine.catch_up import catch_up
from projections.engine.checkpoints import LIVE, ParkedEvent
from projections.engine.projection import PROJECTIONS
from tests.support.api import BODY, ORDERS, PAYMENT, place, problem, send
from tests.support.site import client_of, make_customer

OFFICE = "/api/v1/back-office/orders"


@pytest.fixture
def ada(transactional_db: None) -> APIClient:
    """A customer of a site where no read model follows the log."""
    return client_of(make_customer())


@pytest.fixture
def anna(transactional_db: None) -> APIClient:
    write_roles()
    user = User.objects.create_user("anna", password="secret-1", is_staff=True)
    user.groups.set(Group.objects.filter(name=BACK_OFFICE))
    return client_of(user)


def project() -> None:
    for projection in PROJECTIONS.values():
        catch_up(projection)


def test_the_location_of_a_new_order_answers_before_its_row_is_written(ada: APIClient) -> None:
    placed = send(ada, ORDERS, BODY)
    address = placed["Location"]
    assert address == f"{ORDERS}/{placed.json()['order_id']}"
    for path in (address, f"{address}?min_version=1", f"{address}?expand=payments"):
        shown = ada.get(path)
        assert (shown.status_code, shown.json()["total"], shown.json()["version"]) == (200, "22.50", 1), path
    assert not CustomerOrder.objects.exists()
    for part in ("payments", "shipments", "refunds", "returns", "timeline"):
        assert ada.get(f"{address}/{part}").status_code == 200, part


def test_what_the_log_shows_of_a_new_order_is_what_its_row_shows(ada: APIClient) -> None:
    address = send(ada, ORDERS, BODY)["Location"]
    send(ada, f"{address}/payments", PAYMENT)
    from_log = ada.get(f"{address}?expand=payments,shipments,refunds,returns")
    project()
    from_row = ada.get(f"{address}?expand=payments,shipments,refunds,returns")
    assert (from_log.json(), from_log["ETag"]) == (from_row.json(), from_row["ETag"])


def test_a_new_order_of_another_customer_still_does_not_exist(ada: APIClient) -> None:
    address = send(ada, ORDERS, BODY)["Location"]
    problem(client_of(make_customer("eve")).get(address), 404, "order_not_found")


def test_a_version_that_the_order_does_not_have_is_refused_at_once(ada: APIClient, settings: Any) -> None:
    settings.READ_WAIT_SECONDS = 60
    address = send(ada, ORDERS, BODY)["Location"]
    problem(ada.get(f"{address}?min_version=2"), 503, "not_yet_visible")


def test_an_order_whose_event_is_parked_is_not_visible_yet(ada: APIClient) -> None:
    address = send(ada, ORDERS, BODY)["Location"]
    project()
    order = CustomerOrder.objects.get()
    CustomerOrder.objects.all().delete()
    ParkedEvent.objects.create(
        projection="customer",
        space=LIVE,
        position=1,
        aggregate_id=order.order_id,
        event_type="order.created",
        error="it broke",
        parked_at=order.placed_at,
    )
    problem(ada.get(f"{address}?min_version=1&expand=payments"), 503, "not_yet_visible")


def test_the_location_of_a_change_shows_the_change(ada: APIClient) -> None:
    order_id = place(ada)
    third = {"quantities": [{"line_id": 1, "quantity": 3}]}
    edited = send(ada, f"{ORDERS}/{order_id}/edits", third)
    assert ada.get(edited["Location"]).json()["total"] == "30.00"
    send(ada, f"{ORDERS}/{order_id}/payments", PAYMENT | {"amount": "30.00"})
    dispatch(ShipOrder(order_id=UUID(order_id)), Context(actor="staff:anna"))
    project()
    wish = {"lines": [{"line_id": 1, "quantity": 1}], "reason": "damaged"}
    requested = send(ada, f"{ORDERS}/{order_id}/returns", wish)
    assert requested["Location"] == f"{ORDERS}/{order_id}?min_version=5"
    project()
    assert len(ada.get(requested["Location"] + "&expand=returns").json()["returns"]) == 1


def test_the_location_for_staff_is_one_that_staff_may_read(anna: APIClient) -> None:
    guest = BODY | {"customer_id": None, "customer_name": "Grace Okafor", "customer_email": "grace@example.com"}
    placed = send(anna, OFFICE, guest)
    assert placed["Location"] == f"{OFFICE}/{placed.json()['order_id']}"
    shown = anna.get(placed["Location"])
    assert (shown.status_code, shown.json()["customer_name"]) == (200, "Grace Okafor")
    problem(anna.get(f"{OFFICE}/{uuid4()}"), 404, "order_not_found")


def test_a_refusal_offers_requests_that_its_caller_can_send(ada: APIClient, anna: APIClient) -> None:
    order_id = place(ada)
    wrong = PAYMENT | {"amount": "1.00"}
    refused = problem(send(ada, f"{ORDERS}/{order_id}/payments", wrong), 409, "amount_differs")
    assert refused["allowed_actions"] == ["pay", "cancel", "edit", "change_address"]
    assert refused["allowed_requests"][0] == {
        "action": "pay", "operation_id": "order_pay", "method": "POST", "href": f"{ORDERS}/{order_id}/payments"
    }  # fmt: skip
    to_staff = problem(send(anna, f"{OFFICE}/{order_id}/ship", {}), 409, "not_paid")
    assert {"pay", "cancel_lines", "hold"} <= set(to_staff["allowed_actions"])
    for api, offered in ((ada, refused), (anna, to_staff)):
        assert [each["action"] for each in offered["allowed_requests"]] == offered["allowed_actions"]
        for each in offered["allowed_requests"]:
            assert hasattr(resolve(each["href"]).func.view_class, each["method"].lower()), each  # type: ignore[attr-defined]
            answer = api.generic(each["method"], each["href"], "{}", content_type="application/json")
            assert answer.status_code in (400, 428), (each, answer.content)


def test_customers_have_an_operation_for_each_of_their_commands() -> None:
    sent = [command for operation in CUSTOMER_OPERATIONS for command in operation.commands]
    assert sorted(sent, key=str) == sorted(CUSTOMER_COMMANDS, key=str)


def test_a_refusal_that_is_about_no_order_offers_nothing(ada: APIClient) -> None:
    send(ada, "/api/v1/account", {"currency": "GBP"})
    again = problem(send(ada, "/api/v1/account", {"currency": "GBP"}), 409, "account_exists")
    assert "allowed_actions" not in again
