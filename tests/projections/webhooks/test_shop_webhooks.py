"""A program of the shop is told by webhooks of the events of all orders."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from orders.http.access import MANAGE_WEBHOOKS
from ordersite import service_accounts
from ordersite.models import ServiceAccount
from projections.webhooks import tasks
from projections.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.api import BODY, place, problem, send
from tests.support.back_office import staff_client
from tests.support.programs import program
from tests.support.site import client_of
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.webhooks import subscribe

OFFICE = "/api/v1/back-office"
ENDPOINTS = f"{OFFICE}/webhook-endpoints"
HOOK = "http://127.0.0.1:9/hooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def erp(projecting: None) -> APIClient:
    return program("erp", "manage_webhooks", "send_commands", "follow_events")


def create(api: APIClient, url: str = HOOK, **fields: Any) -> dict[str, Any]:
    answer = api.post(ENDPOINTS, {"url": url, **fields}, format="json")
    assert answer.status_code == 201, answer.content
    created: dict[str, Any] = answer.json()
    return created


def test_the_events_of_all_orders_are_sent_signed_as_in_the_list_without_personal_data(
    api: APIClient, erp: APIClient, receiver: Receiver
) -> None:
    before = place(api)
    endpoint = create(erp, receiver.url)
    guest = BODY | {"customer_id": None, "customer_name": "Grace Okafor", "customer_email": "grace@example.com"}
    orders = [place(api), send(staff_client(), f"{OFFICE}/orders", guest).json()["order_id"]]
    send(erp, f"{OFFICE}/orders/{orders[0]}/add_note", {"text": "Call Ada"})
    tasks.run()
    tasks.run()
    messages = receiver.messages(endpoint["secret"])
    listed = [each for each in erp.get(f"{OFFICE}/events").json()["results"] if each["order_id"] != before]
    assert sorted((message["data"] for message in messages), key=lambda event: str(event["id"])) == sorted(
        listed, key=lambda event: str(event["id"])
    )
    assert {message["data"]["type"] for message in messages} == {"order.created", "order.note_added"}
    assert not [name for name in ("Ada", "Grace") if name in json.dumps(messages)]
    shown = erp.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries").json()["results"]
    assert [each["status"] for each in shown] == ["delivered"] * 3


def test_a_customer_is_not_told_what_the_shop_is_told(api: APIClient, erp: APIClient, receiver: Receiver) -> None:
    of_customer = subscribe(api, receiver.url)
    create(erp, HOOK, event_types=["order.note_added"])
    order_id = place(api)
    send(erp, f"{OFFICE}/orders/{order_id}/add_note", {"text": "Check the address"})
    tasks.run()
    sent = WebhookDelivery.objects.values_list("endpoint__customer_id", "event_type").order_by("id")
    to_shop = [(customer is None, name) for customer, name in sent]
    assert to_shop == [(False, "order.created"), (True, "order.note_added")]
    (message,) = receiver.messages(of_customer["secret"])
    assert set(message["data"]) == {"id", "type", "order_id", "version", "occurred_at", "words"}


def test_a_test_message_has_the_fields_of_a_real_one(erp: APIClient, receiver: Receiver) -> None:
    endpoint = create(erp, receiver.url)
    assert erp.post(f"{ENDPOINTS}/{endpoint['id']}/test").status_code == 202
    tasks.run()
    (message,) = receiver.messages(endpoint["secret"])
    assert message["type"] == "webhook.test"
    assert {"actor", "recorded_at", "data", "words", "order_id"} <= set(message["data"])


def test_an_endpoint_exists_only_for_its_own_program(api: APIClient, erp: APIClient) -> None:
    endpoint, wms = create(erp), program("wms", "manage_webhooks")
    assert wms.get(ENDPOINTS).json() == {"results": []}
    assert api.get("/api/v1/webhook-endpoints").json() == {"results": []}
    path = f"{ENDPOINTS}/{endpoint['id']}"
    for answer in (
        wms.delete(path),
        wms.post(f"{path}/test"),
        wms.get(f"{path}/deliveries"),
        api.delete(f"/api/v1/webhook-endpoints/{endpoint['id']}"),
    ):
        problem(answer, 404, "webhook_endpoint_not_found")
    problem(erp.post(ENDPOINTS, {"url": HOOK}, format="json"), 409, "endpoint_exists")
    create(wms)
    assert erp.delete(path).status_code == 204
    assert WebhookEndpoint.objects.count() == 1


def test_a_person_with_the_permission_is_told_to_use_a_service_account(admin_user: Any) -> None:
    assert admin_user.has_perm(MANAGE_WEBHOOKS)
    problem(client_of(admin_user).get(ENDPOINTS), 403, "not_a_service_account")


@pytest.mark.parametrize("end", ["stopped", "deleted", "permission"])
def test_nothing_is_sent_for_a_program_that_has_ended(api: APIClient, erp: APIClient, end: str) -> None:
    create(erp)
    account = ServiceAccount.objects.get(username="erp")
    if end == "stopped":
        account.is_active = False
        account.save()
    elif end == "deleted":
        account.delete()
    else:
        service_accounts.grant(account, ["follow_events"])
    place(api)
    tasks.run()
    assert not WebhookDelivery.objects.exists()
    assert WebhookEndpoint.objects.get().disabled_reason
