"""The events of all orders, as a program of the shop reads and follows them."""

import json
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from eventstore import store
from eventstore.dispatch import Context, dispatch
from orders.commands import AddNote
from projections.staff.shop_events import ShopEvents
from tests.support.api import BODY, place, problem, send
from tests.support.back_office import staff_client
from tests.support.programs import program
from tests.support.site import client_of, make_customer

EVENTS = "/api/v1/back-office/events"
OFFICE = "/api/v1/back-office/orders"
ADDRESS = "1 High Street\nLondon"


@pytest.fixture
def erp(projecting: None) -> APIClient:
    return program("erp", "follow_events", "send_commands")


def read(api: APIClient, url: str = EVENTS, **params: Any) -> Any:
    answer = api.get(url, params)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_program_follows_the_events_of_all_orders_those_of_guests_too(api: APIClient, erp: APIClient) -> None:
    eve, clerk = client_of(make_customer("eve")), staff_client()
    guest = BODY | {"customer_id": None, "customer_name": "Grace Okafor", "customer_email": "grace@example.com"}
    orders = [place(api), place(eve), send(clerk, OFFICE, guest).json()["order_id"]]
    page = read(erp, limit=2)
    assert ([event["order_id"] for event in page["results"]], page["has_more"]) == (orders[:2], True)
    rest = read(erp, page["next"])
    assert ([event["order_id"] for event in rest["results"]], rest["has_more"]) == (orders[2:], False)
    assert read(erp, rest["next"])["results"] == []
    send(erp, f"{OFFICE}/{orders[0]}/hold", {"reason": "Out of stock"})
    (held,) = read(erp, rest["next"])["results"]
    fact = store.read_stream(UUID(orders[0]))[-1]
    assert (held["id"], held["type"], held["version"]) == (str(fact.event_id), "order.held", 2)
    assert (held["actor"], held["words"]) == ("service:erp", "On hold: Out of stock")
    assert held["data"]["reason"] == "Out of stock"
    assert set(held) == set(ShopEvents("x", personal_data=True).read(after=0, limit=1).events[0].__struct_fields__)


def test_personal_data_is_left_out_without_the_permission(api: APIClient, erp: APIClient) -> None:
    order_id = send(api, "/api/v1/orders", BODY | {"shipping_address": ADDRESS}).json()["order_id"]
    dispatch(AddNote(order_id=UUID(order_id), text="Ada called"), Context(actor="staff:anna"))
    moved = {"shipping_address": "2 Low Road\nLeeds"}
    send(api, f"/api/v1/orders/{order_id}/shipping-address", moved, method="patch")
    seen = json.dumps(read(erp))
    for secret in ("Whitfield", "ada@example.com", "High Street", "Ada called", "Low Road"):
        assert secret not in seen
    created, note, _ = read(erp)["results"]
    assert [created["data"][name] for name in ("customer_name", "shipping_address")] == [None, None]
    assert (note["words"], note["data"]["text"]) == ("Note: …", None)
    for client in (program("crm", "follow_events", "read_personal_data"), staff_client()):
        created, note, _ = read(client)["results"]
        assert (created["data"]["customer_name"], created["data"]["shipping_address"]) == ("Ada Whitfield", ADDRESS)
        assert note["words"] == "Note: Ada called"


def test_a_stream_goes_on_after_the_last_event_and_names_each(api: APIClient, erp: APIClient, settings: Any) -> None:
    settings.EVENT_STREAM_SECONDS = 0.5
    first, second = place(api), place(api)
    cursor = read(erp)["results"][0]["id"]
    stream: Any = erp.get(f"{EVENTS}/stream", headers={"Last-Event-ID": cursor})
    text = "".join(chunk.decode() for chunk in stream.streaming_content)
    stream.close()
    assert stream["Content-Type"] == "text/event-stream"
    sent = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    assert [event["order_id"] for event in sent] == [second]
    assert f"id: {sent[0]['id']}\nevent: order.created\n" in text
    assert first not in text


UNKNOWN = "0192f3a4-5b6c-7d8e-9f00-112233445566"


@pytest.mark.parametrize(
    ("cursor", "status", "code"),
    [
        ("7", 400, "cursor_malformed"),
        (f"{{{UNKNOWN}}}", 400, "cursor_malformed"),
        (UNKNOWN, 410, "cursor_expired"),
    ],
)
def test_a_cursor_that_leads_nowhere_is_refused(erp: APIClient, cursor: str, status: int, code: str) -> None:
    problem(erp.get(EVENTS, {"after": cursor}), status, code)
    problem(erp.get(f"{EVENTS}/stream", {"after": cursor}), status, code)


def test_the_number_of_streams_of_a_program_is_limited(erp: APIClient, settings: Any) -> None:
    settings.EVENT_STREAMS_EACH = 1
    open_stream = erp.get(f"{EVENTS}/stream")
    problem(erp.get(f"{EVENTS}/stream"), 429, "too_many_streams")
    open_stream.close()
    erp.get(f"{EVENTS}/stream").close()
