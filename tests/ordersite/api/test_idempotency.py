"""A repeated request begins nothing a second time, even if the receipt of the first one is gone."""

from typing import Any
from uuid import UUID, uuid4

from rest_framework.test import APIClient

from eventstore.ids import id_begun_by
from eventstore.models import CommandReceipt, Event
from ordersite.models import User
from tests.support.api import BODY, ORDERS, problem, send
from tests.support.site import client_of, make_customer
from tests.support.threads import at_once

WEBHOOKS = "/api/v1/webhook-endpoints"


def created() -> int:
    return Event.objects.filter(event_type="order.created").count()


def test_what_a_command_begins_is_named_by_the_command() -> None:
    first, second = uuid4(), uuid4()
    assert id_begun_by(first, "order") == id_begun_by(first, "order")
    assert len({id_begun_by(first, "order"), id_begun_by(first, "account"), id_begun_by(second, "order")}) == 3


def test_a_repeat_without_a_receipt_places_no_second_order(api: APIClient) -> None:
    order_id = send(api, ORDERS, BODY, "key-1").json()["order_id"]
    CommandReceipt.objects.all().delete()
    assert order_id in problem(send(api, ORDERS, BODY, "key-1"), 409, "order_exists")["detail"]
    assert created() == 1


def test_two_requests_at_once_with_one_key_place_one_order(ada: User) -> None:
    answers: list[Any] = []

    def place() -> None:
        answers.append(send(client_of(ada), ORDERS, BODY, "key-1"))

    with at_once(*[place] * 4):
        pass
    assert {(answer.status_code, answer.json()["order_id"]) for answer in answers} == {
        (201, answers[0].json()["order_id"])
    }
    assert created() == 1


def test_equal_keys_of_two_customers_have_nothing_in_common(api: APIClient) -> None:
    ben = client_of(make_customer("ben"))
    first, second = (send(each, ORDERS, BODY, "key-1") for each in (api, ben))
    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in second
    assert first.json()["order_id"] != second.json()["order_id"]
    assert ben.get(f"{ORDERS}/{first.json()['order_id']}").status_code == 404


def test_a_queued_order_has_the_id_that_it_would_have_at_once(api: APIClient) -> None:
    later = send(api, ORDERS, BODY, "key-1", Prefer="respond-async")
    again = send(api, ORDERS, BODY, "key-1", Prefer="respond-async")
    assert later.json()["order_id"] == again.json()["order_id"]
    assert send(api, ORDERS, BODY, "key-1").json()["order_id"] == later.json()["order_id"]


def test_an_endpoint_created_again_with_the_same_key_is_the_same_one(api: APIClient) -> None:
    body = {"url": "https://1.1.1.1/hook", "description": "Ours"}
    first, again = (send(api, WEBHOOKS, body, "key-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again["Idempotency-Replayed"]) == (first.json(), "true")
    problem(send(api, WEBHOOKS, body | {"description": "Other"}, "key-1"), 422, "idempotency_key_reused")
    problem(send(api, WEBHOOKS, body, "key-2"), 409, "endpoint_exists")
    assert UUID(first.json()["id"])
