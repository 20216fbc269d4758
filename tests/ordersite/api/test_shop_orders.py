"""A program of the shop lists and reads orders."""

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from eventstore import store
from tests.support.api import BODY, PAYMENT, place, problem, send
from tests.support.back_office import staff_client
from tests.support.programs import program
from tests.support.site import client_of, make_customer

OFFICE = "/api/v1/back-office/orders"
PERSONAL = ("customer_name", "customer_email", "shipping_address", "billing_address")


@pytest.fixture
def erp(projecting: None) -> APIClient:
    return program("erp", "read_orders")


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [order["order_id"] for order in answer.json()["results"]]


def test_a_program_lists_the_orders_of_all_customers_page_by_page(api: APIClient, erp: APIClient) -> None:
    eve = client_of(make_customer("eve"))
    placed = [place(client) for client in (api, eve, api)]
    first = erp.get(OFFICE, {"limit": 2})
    assert ids(first) == [placed[2], placed[1]]
    assert ids(erp.get(first.json()["next"])) == [placed[0]]


def test_the_list_is_filtered_by_status_customer_reference_and_sku(api: APIClient, erp: APIClient) -> None:
    eve = make_customer("eve")
    paid, of_eve = place(api), place(client_of(eve))
    send(api, f"/api/v1/orders/{paid}/payments", PAYMENT)
    other = BODY | {"reference": "PO-999", "lines": [BODY["lines"][0] | {"sku": "LAMP"}]}
    lamp = send(api, "/api/v1/orders", other).json()["order_id"]
    assert ids(erp.get(OFFICE, {"payment": "paid"})) == [paid]
    assert ids(erp.get(OFFICE, {"customer_id": str(eve.customer_id)})) == [of_eve]
    assert ids(erp.get(OFFICE, {"reference": "PO-999"})) == [lamp]
    assert ids(erp.get(OFFICE, {"reference": "PO-9"})) == []
    assert ids(erp.get(OFFICE, {"sku": "LAMP"})) == [lamp]
    assert ids(erp.get(OFFICE, {"sku": "LAM"})) == []


def test_the_list_has_only_the_orders_that_changed_after_an_event(api: APIClient, erp: APIClient) -> None:
    changed, unchanged = place(api), place(api)
    seen = store.read_stream(UUID(unchanged))[-1].event_id
    assert ids(erp.get(OFFICE, {"changed_after": str(seen)})) == []
    send(api, f"/api/v1/orders/{changed}/payments", PAYMENT)
    assert ids(erp.get(OFFICE, {"changed_after": str(seen)})) == [changed]


@pytest.mark.parametrize(
    "query",
    [
        {"changed_after": "7"},
        {"changed_after": "0192f3a4-5b6c-7d8e-9f00-112233445566"},
        {"customer_id": "{0192f3a4-5b6c-7d8e-9f00-112233445566}"},
        {"status": "bought"},
        {"colour": "red"},
        {"limit": "0"},
        {"cursor": "x"},
        {"expand": "everything"},
    ],
)
def test_a_wrong_parameter_is_named(erp: APIClient, query: dict[str, str]) -> None:
    assert [each["field"] for each in problem(erp.get(OFFICE, query), 400, "invalid")["errors"]] == list(query)


def test_personal_data_needs_a_permission_of_its_own(api: APIClient, erp: APIClient) -> None:
    order_id = place(api)
    reader, clerk = program("crm", "read_orders", "read_personal_data"), staff_client()
    for client, expected in ((erp, None), (reader, "Ada Whitfield"), (clerk, "Ada Whitfield")):
        (listed,) = client.get(OFFICE).json()["results"]
        for order in (listed, client.get(f"{OFFICE}/{order_id}", {"min_version": 1}).json()):
            assert order["customer_name"] == expected
            hidden = [name for name in PERSONAL if order[name] is None]
            assert hidden == (list(PERSONAL) if expected is None else [])
    assert "Ada" not in erp.get(OFFICE).content.decode()


def test_a_listed_order_is_the_order_without_what_was_not_asked_for(api: APIClient, erp: APIClient) -> None:
    order_id = place(api)
    whole = erp.get(f"{OFFICE}/{order_id}").json()
    (listed,) = erp.get(OFFICE, {"expand": "lines,payments,shipments,refunds,returns"}).json()["results"]
    assert listed == {name: value for name, value in whole.items() if name != "allowed_actions"}
    (short,) = erp.get(OFFICE).json()["results"]
    assert set(listed) - set(short) == {"lines", "payments", "shipments", "refunds", "returns"}
