"""Webhooks, as a customer's server and its operators see them."""

import base64
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient
from standardwebhooks.webhooks import WebhookVerificationError

from eventstore import store
from eventstore.codec import IMPORTED
from eventstore.dispatch import Context
from eventstore.ids import new_id
from eventstore.models import ConsumerCheckpoint
from eventstore.personal_data import subjects
from ordersite.models import User
from projections.webhooks import addresses, deliveries, endpoints, sending, tasks
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from tests.support.admin import act
from tests.support.api import RUSSIAN, place, problem
from tests.support.order_examples import CREATED
from tests.support.payments import pay
from tests.support.projection_spec import write
from tests.support.running import ROOT
from tests.support.site import client_of, make_customer
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.webhooks import ENDPOINTS, subscribe


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def deliver() -> None:
    """Plan and send what is due, as a worker does."""
    tasks.run()


def skip_pauses() -> None:
    """Make all pending deliveries due now."""
    WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING).update(due_at=timezone.now())
    WebhookEndpoint.objects.update(resting_until=None)


def deliveries_of(api: APIClient, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries").json()["results"]
    return results


# --- sending ----------------------------------------------------------------------------------------------------------


def test_an_event_is_sent_signed_with_the_same_content_as_in_the_feed(api: APIClient, receiver: Receiver) -> None:
    place(api)  # before the endpoint exists: not sent
    endpoint = subscribe(api, receiver.url, description="Our ERP")
    order_id = place(api)
    deliver()
    (message,) = receiver.messages(endpoint["secret"])
    event = api.get("/api/v1/events").json()["results"][-1]
    assert message == {"type": "order.created", "timestamp": event["occurred_at"], "data": event}
    assert event["order_id"] == order_id
    headers = receiver.got[0][0]
    assert headers["webhook-id"] == event["id"]
    assert headers["content-type"] == "application/json"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 5
    (delivery,) = deliveries_of(api, endpoint)
    assert (delivery["event_id"], delivery["status"], delivery["next_attempt_at"]) == (event["id"], "delivered", None)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
    deliver()
    assert len(receiver.got) == 1


def test_a_message_that_was_changed_or_signed_with_another_secret_does_not_verify(
    api: APIClient, receiver: Receiver
) -> None:
    endpoint = subscribe(api, receiver.url)
    other = subscribe(api, receiver.url + "other")
    place(api)
    deliver()
    with pytest.raises(WebhookVerificationError):
        receiver.messages(other["secret"])
    receiver.got = [(headers, body + b" ") for headers, body in receiver.got]
    with pytest.raises(WebhookVerificationError):
        receiver.messages(endpoint["secret"])


def test_an_endpoint_receives_only_its_event_types_and_its_own_customers_events(
    api: APIClient, receiver: Receiver
) -> None:
    endpoint = subscribe(api, receiver.url, event_types=["order.paid"])
    bea = client_of(make_customer("bea"))
    order_id, others = place(api), place(bea)
    pay(api, order_id)
    pay(bea, others)
    deliver()
    assert [(each["type"], each["data"]["order_id"]) for each in receiver.messages(endpoint["secret"])] == [
        ("order.paid", order_id)
    ]


def test_a_refused_message_is_retried_with_the_same_id_after_growing_pauses(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    place(api)
    receiver.answers = [503, 302, 404]
    pauses = []
    for _ in range(3):
        deliver()
        (delivery,) = WebhookDelivery.objects.all()
        pauses.append((delivery.due_at - timezone.now()).total_seconds())
        deliver()  # not due yet
        skip_pauses()
    for pause, expected in zip(pauses, (5, 300, 1800), strict=True):
        assert expected * 0.8 < pause < expected * 1.2 + 1
    deliver()
    assert len(receiver.got) == 4
    assert len(set(receiver.ids)) == 1
    receiver.messages(endpoint["secret"])
    (shown,) = deliveries_of(api, endpoint)
    assert [attempt["status"] for attempt in shown["attempts"]] == [503, 302, 404, 200]
    assert shown["status"] == "delivered"


def test_a_later_event_of_an_order_waits_for_the_earlier_one_but_other_orders_do_not(
    api: APIClient, receiver: Receiver
) -> None:
    endpoint = subscribe(api, receiver.url)
    first = place(api)
    receiver.answers = [500]
    deliver()
    pay(api, first)
    second = place(api)
    WebhookEndpoint.objects.update(resting_until=None)
    deliver()
    sent_now = [(each["data"]["order_id"], each["data"]["version"]) for each in receiver.messages(endpoint["secret"])]
    assert sent_now == [(first, 1), (second, 1)]
    skip_pauses()
    deliver()
    got = [(each["data"]["order_id"], each["data"]["version"]) for each in receiver.messages(endpoint["secret"])]
    assert got[2:] == [(first, 1), (first, 2)]


def refuse(receiver: Receiver, order_id: str, version: int = 1) -> None:
    """Make the receiver refuse one event of one order from now on."""

    def decide(message: dict[str, Any]) -> int:
        data = message["data"]
        return 500 if (data["order_id"], data["version"]) == (order_id, version) else 200

    receiver.decide = decide


def deliver_rounds(rounds: int) -> None:
    for _ in range(rounds):
        deliver()
        skip_pauses()


def test_a_failed_delivery_does_not_block_later_events_and_can_be_retried(
    api: APIClient, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [0.0]
    endpoint = subscribe(api, receiver.url)
    order_id = place(api)
    refuse(receiver, order_id)
    deliver()
    place(api)  # is accepted, so the endpoint is not disabled
    pay(api, order_id)
    WebhookEndpoint.objects.update(resting_until=None)
    WebhookDelivery.objects.filter(status="pending").update(due_at=timezone.now() + timedelta(hours=1))
    deliver()
    deliver_rounds(3)
    by_version = {(each["type"], each["status"]): len(each["attempts"]) for each in deliveries_of(api, endpoint)}
    assert by_version == {
        ("order.created", "failed"): 2,
        ("order.created", "delivered"): 1,
        ("order.paid", "delivered"): 1,
    }
    failed = next(each for each in deliveries_of(api, endpoint) if each["status"] == "failed")
    receiver.decide = None
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{failed['event_id']}/retry"
    again = api.post(path)
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    deliver()
    assert {each["status"] for each in deliveries_of(api, endpoint)} == {"delivered"}
    problem(api.post(path), 409, "not_given_up")
    problem(api.post(f"{ENDPOINTS}/{endpoint['id']}/deliveries/{uuid4()}/retry"), 404, "delivery_not_found")


def test_an_endpoint_that_answers_gone_is_disabled(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    order_id = place(api)
    receiver.answers = [410]
    deliver()
    pay(api, order_id)
    skip_pauses()
    deliver()
    assert len(receiver.got) == 1
    (shown,) = api.get(ENDPOINTS).json()["results"]
    assert shown["disabled_at"]
    assert "410" in shown["disabled_reason"]
    (in_russian,) = api.get(ENDPOINTS, headers={"Accept-Language": "ru"}).json()["results"]
    assert "не нужны" in in_russian["disabled_reason"]
    (delivery,) = deliveries_of(api, endpoint)
    assert delivery["status"] == "failed"
    problem(api.post(f"{ENDPOINTS}/{endpoint['id']}/test"), 409, "endpoint_disabled")
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{delivery['event_id']}/retry"
    problem(api.post(path), 409, "endpoint_disabled")


def test_an_endpoint_that_accepts_nothing_during_all_attempts_of_a_delivery_is_disabled(
    api: APIClient, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [0.0, 0.0]
    endpoint = subscribe(api, receiver.url)
    pay(api, place(api))
    receiver.answers = [500] * 9
    for _ in range(5):
        deliver()
        skip_pauses()
    assert len(receiver.got) == 3
    assert "accepted no message" in api.get(ENDPOINTS).json()["results"][0]["disabled_reason"]
    assert [each["status"] for each in deliveries_of(api, endpoint)] == ["failed", "failed"]


def test_a_failing_endpoint_rests_and_does_not_delay_others(api: APIClient, receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_SECONDS = 0.5
    subscribe(api, receiver.url)
    for _ in range(3):
        place(api)
    receiver.answers = [0, 0, 0]  # answers that never end, byte by byte
    began = time.monotonic()
    deliver()
    assert time.monotonic() - began < 2.5, "the three are sent in parallel, and each within the time limit"
    failed = WebhookDelivery.objects.all()
    assert {each.attempts[0]["problem"] for each in failed} == {"no answer in time"}
    assert (WebhookEndpoint.objects.get().resting_until or timezone.now()) > timezone.now()
    bea = client_of(make_customer("bea"))
    with receiving() as hers:
        subscribe(bea, hers.url)
        place(bea)
        WebhookDelivery.objects.filter(endpoint__url=receiver.url).update(due_at=timezone.now())
        deliver()
        assert len(hers.got) == 1
    assert len(receiver.got) == 3


def test_deliveries_come_in_pages_like_orders(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    place(api)
    place(api)
    deliver()
    both = [each["event_id"] for each in deliveries_of(api, endpoint)]
    first = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries?limit=1").json()
    second = api.get(first["next"]).json()
    assert [page["results"][0]["event_id"] for page in (first, second)] == both
    assert api.get(second["prev"]).json()["results"] == first["results"]
    for query, field in (("limit=some", "limit"), ("cursor=x", "cursor")):
        refused = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries?{query}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)


def test_an_unreachable_server_is_tried_again(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, "http://127.0.0.1:1/")
    place(api)
    deliver()
    (delivery,) = deliveries_of(api, endpoint)
    assert delivery["attempts"][0]["status"] is None
    assert delivery["attempts"][0]["problem"] == "the server refused the connection"
    (in_russian,) = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries", headers=RUSSIAN).json()["results"]
    assert in_russian["attempts"][0]["problem"] == "сервер отклонил соединение"
    assert delivery["next_attempt_at"]


# --- crashes and concurrency ------------------------------------------------------------------------------------------


def test_two_workers_at_once_send_each_message_once(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    for _ in range(12):
        pay(api, place(api))

    def work() -> None:
        try:
            for _ in range(10):
                tasks.run()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.ids) == 24
    assert len(set(receiver.ids)) == 24
    seen: dict[str, int] = {}
    for message in receiver.messages(endpoint["secret"]):
        assert message["data"]["version"] == seen.get(message["data"]["order_id"], 0) + 1
        seen[message["data"]["order_id"]] = message["data"]["version"]


def test_a_message_is_sent_again_if_the_worker_dies_before_recording_the_answer(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = subscribe(api, receiver.url)
    place(api)

    class Killed(BaseException):
        pass

    def die(*arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(deliveries, "record_outcome", die)
        with pytest.raises(Killed):
            deliver()
    deliver()
    assert len(receiver.got) == 1, "its lease is not over: it may still be on its way"
    skip_pauses()  # ends its lease
    deliver()
    assert len(receiver.got) == 2
    assert len(set(receiver.ids)) == 1
    assert deliveries_of(api, endpoint)[0]["status"] == "delivered"


def test_a_crash_during_planning_keeps_both_the_deliveries_and_the_checkpoint_or_neither(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(api, receiver.url)
    place(api)

    def fail(checkpoint: Any) -> None:
        assert WebhookDelivery.objects.exists(), "they were planned"
        raise RuntimeError("not now")

    with monkeypatch.context() as failing:
        failing.setattr(ConsumerCheckpoint, "save", fail)
        deliver()
    assert not WebhookDelivery.objects.exists()
    assert "not now" in ConsumerCheckpoint.objects.get(name=endpoints.CONSUMER).problem
    deliver()
    assert len(receiver.got) == 1
    assert ConsumerCheckpoint.objects.get(name=endpoints.CONSUMER).problem == ""


def test_events_imported_from_another_site_are_not_sent(api: APIClient, ada: User, receiver: Receiver) -> None:
    subscribe(api, receiver.url)
    theirs = write(replace(CREATED, order_id=new_id(), customer_id=ada.customer_id), 0)
    store.append([replace(theirs, metadata=msgspec.structs.replace(theirs.metadata, extra={IMPORTED: "elsewhere"}))])
    deliver()
    assert receiver.got == []


def test_an_endpoint_receives_the_events_after_its_creation_however_late_the_worker_is(
    api: APIClient, receiver: Receiver
) -> None:
    early = subscribe(api, receiver.url)
    first = place(api)
    late = subscribe(api, receiver.url + "late")
    second = place(api)
    deliver()
    assert [order_ids_of(deliveries_of(api, each)) for each in (early, late)] == [[second, first], [second]]


def order_ids_of(shown: list[dict[str, Any]]) -> list[str]:
    """Return the order ids of deliveries as the API shows them."""
    rows = WebhookDelivery.objects.filter(event_id__in=[each["event_id"] for each in shown])
    orders = {str(each.event_id): str(each.aggregate_id) for each in rows}
    return [orders[each["event_id"]] for each in shown]


def test_nothing_is_sent_to_a_deleted_endpoint(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    place(api)
    assert api.delete(f"{ENDPOINTS}/{endpoint['id']}").status_code == 204
    deliver()
    assert receiver.got == []


# --- endpoints --------------------------------------------------------------------------------------------------------


def test_the_secret_is_shown_once_and_stored_encrypted(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    assert endpoint["secret"].startswith("whsec_")
    (listed,) = api.get(ENDPOINTS).json()["results"]
    assert listed == {name: value for name, value in endpoint.items() if name != "secret"}
    stored = WebhookEndpoint.objects.get()
    assert endpoint["secret"].encode() not in bytes(stored.secret)
    assert stored.reveal_secret() == endpoint["secret"]


def test_a_test_message_is_sent_at_once_even_to_a_resting_endpoint(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url, event_types=["order.paid"])
    WebhookEndpoint.objects.update(resting_until=timezone.now() + timedelta(hours=1))
    answer = api.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    assert answer.status_code == 202
    deliver()
    (message,) = receiver.messages(endpoint["secret"])
    test = message["data"]
    assert (message["type"], test["type"], test["id"]) == ("webhook.test", "webhook.test", answer.json()["event_id"])
    assert test.keys() == {"id", "type", "order_id", "version", "occurred_at", "words"}, "like a real message"
    assert deliveries_of(api, endpoint)[0]["status"] == "delivered"
    for _ in range(9):
        api.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    often = api.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    problem(often, 429, "too_many_tests")
    assert often["Retry-After"] == "60"


def test_a_test_message_with_a_key_is_sent_once_however_often_it_is_asked_for(
    api: APIClient, receiver: Receiver
) -> None:
    endpoint = subscribe(api, receiver.url)
    path, key = f"{ENDPOINTS}/{endpoint['id']}/test", {"Idempotency-Key": "after-deploy-7"}
    first = api.post(path, headers=key)
    for _ in range(11):
        again = api.post(path, headers=key)
        assert (again.status_code, again.json()["event_id"]) == (202, first.json()["event_id"])
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    deliver()
    assert len(receiver.messages(endpoint["secret"])) == 1


def test_another_customers_endpoint_is_not_found(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    place(api)
    deliver()
    event_id = deliveries_of(api, endpoint)[0]["event_id"]
    path, bea = f"{ENDPOINTS}/{endpoint['id']}", client_of(make_customer("bea"))
    assert bea.get(ENDPOINTS).json() == {"results": []}
    for answer in (
        bea.delete(path),
        bea.post(f"{path}/test"),
        bea.get(f"{path}/deliveries"),
        bea.post(f"{path}/deliveries/{event_id}/retry"),
    ):
        problem(answer, 404, "webhook_endpoint_not_found")
    assert WebhookEndpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/", "https://"),
        ("http://example.com/", "https://"),
        ("https://", "no host"),
        ("example.com", "https://"),
        ("https://ada:secret@example.com/", "name or password"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com:99999/", "not a URL"),
        ("https://exa mple.com/", "spaces"),
        ("https://[::1/", "not a URL"),
        ("https://127.0.0.1/", "cannot be used"),
        ("https://localhost/", "cannot be used"),
        ("https://2130706433/", "cannot be used"),
        ("https://0x7f.1/", "cannot be used"),
        ("https://10.1.2.3/", "cannot be used"),
        ("https://192.168.0.1/", "cannot be used"),
        ("https://169.254.169.254/latest/meta-data/", "cannot be used"),
        ("https://100.64.0.1/", "cannot be used"),
        ("https://0.0.0.0/", "cannot be used"),
        ("https://224.0.0.1/", "cannot be used"),
        ("https://[::1]/", "cannot be used"),
        ("https://[::ffff:10.0.0.1]/", "cannot be used"),
        ("https://[fe80::1]/", "cannot be used"),
        ("https://[fd00::1]/", "cannot be used"),
        ("https://[fec0::1]/", "cannot be used"),
        ("https://[64:ff9b::a00:1]/", "cannot be used"),
        ("https://[2002:a00:1::]/", "cannot be used"),
        ("https://no-such-host.invalid/", "cannot be used"),
        ("https://erp.example/hooks", "cannot be used"),
        (f"https://{'x' * 64}.example/", "cannot be used"),
    ],
)
def test_an_address_that_must_not_be_called_is_refused(
    api: APIClient, settings: Any, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    settings.WEBHOOK_PLAIN_HTTP = settings.WEBHOOK_PRIVATE_ADDRESSES = False
    monkeypatch.setattr(addresses, "LOOK_UP_SECONDS", 0.5)
    refused = problem(api.post(ENDPOINTS, {"url": url}, format="json"), 400, "invalid")
    assert [(error["field"], error["code"]) for error in refused["errors"]] == [("url", "url_refused")]
    assert words in refused["detail"]
    in_russian = problem(api.post(ENDPOINTS, {"url": url}, format="json", headers=RUSSIAN), 400, "invalid")
    for answer in (refused, in_russian):
        assert not re.search(r"Errno|Error|\[-?\d", answer["detail"]), "a system error is for the log"
    allowed = {"url", "https", "ascii", "fragment"}  # names, which are the same in both languages
    assert set(re.findall("[a-z]+", in_russian["detail"].lower())) <= allowed, in_russian["detail"]


def test_the_example_of_the_docs_is_accepted(api: APIClient) -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text()
    (body,) = re.findall(r"""webhook-endpoints .*\n  -d '(.*)'""", page)
    assert api.post(ENDPOINTS, json.loads(body), format="json").status_code == 201


def test_a_host_name_that_points_into_our_network_at_sending_time_is_not_called(
    api: APIClient, receiver: Receiver, settings: Any
) -> None:
    """The address was public at creation. It is resolved again for each attempt, and the result is checked."""
    endpoint = subscribe(api, receiver.url.replace("127.0.0.1", "localhost"))
    place(api)
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    deliver()
    assert receiver.got == []
    (delivery,) = deliveries_of(api, endpoint)
    assert "cannot be used" in delivery["attempts"][0]["problem"]


@pytest.mark.parametrize("found", [["::1", "127.0.0.1"], ["127.0.0.1", "::1"]])
def test_the_address_that_was_checked_is_the_one_that_is_called(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    """There is no second look-up. If an address does not answer, the next one is called."""
    url = receiver.url.replace("127.0.0.1", "erp.invalid")
    monkeypatch.setattr(addresses, "look_up", lambda host, port: found)
    subscribe(api, url)
    place(api)
    deliver()
    assert [headers["host"] for headers, _ in receiver.got] == [url.removeprefix("http://").removesuffix("/")]


def test_an_unexpected_error_of_one_message_does_not_stop_the_others(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, other = subscribe(api, receiver.url), subscribe(api, receiver.url + "other")
    post = sending._post

    async def fail(message: sending.Message) -> sending.Outcome:
        if message.url == endpoint["url"]:
            raise KeyError("surprise")
        return await post(message)

    monkeypatch.setattr(sending, "_post", fail)
    place(api)
    deliver()
    assert [deliveries_of(api, each)[0]["status"] for each in (endpoint, other)] == ["pending", "delivered"]


def test_a_proxy_of_the_environment_is_not_used(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    subscribe(api, receiver.url)
    place(api)
    deliver()
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": 1}, "url"),
        ({"url": ["x"]}, "url"),
        ({"url": "https://example.com/" + "x" * 2000}, "url"),
        ({"event_types": ["order.exploded"]}, "event_types"),
        ({"event_types": "order.paid"}, "event_types"),
        ({"colour": "red"}, "colour"),
        ([], "body"),
    ],
)
def test_an_invalid_body_is_refused_by_field(api: APIClient, receiver: Receiver, body: Any, field: str) -> None:
    sent_body = body if field in ("url", "body") else {"url": receiver.url, **body}
    refused = problem(api.post(ENDPOINTS, sent_body, format="json"), 400, "invalid")
    assert field in [error["field"] for error in refused["errors"]]


def test_a_customer_has_a_limited_number_of_endpoints_and_each_url_once(
    api: APIClient, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_ENDPOINTS = 2
    subscribe(api, receiver.url)
    problem(api.post(ENDPOINTS, {"url": receiver.url}, format="json"), 409, "endpoint_exists")
    second = subscribe(api, receiver.url + "2")
    problem(api.post(ENDPOINTS, {"url": receiver.url + "3"}, format="json"), 409, "too_many_endpoints")
    assert api.delete(f"{ENDPOINTS}/{second['id']}").status_code == 204
    subscribe(api, receiver.url + "3")


def test_an_erased_customers_endpoints_are_deleted(api: APIClient, ada: User, receiver: Receiver) -> None:
    subscribe(api, receiver.url)
    bea = client_of(make_customer("bea"))
    kept = subscribe(bea, receiver.url)
    order_id = place(api)
    deliver()
    pay(api, order_id)
    assert ada.customer_id
    context = Context(actor="service:test", command_id=new_id(), correlation_id=new_id())
    subjects.erase(UUID(str(ada.customer_id)), context)
    deliver()
    assert len(receiver.got) == 1, "pending deliveries are not sent"
    assert [str(each.pk) for each in WebhookEndpoint.objects.all()] == [kept["id"]]
    problem(api.post(ENDPOINTS, {"url": receiver.url}, format="json"), 409, "subject_erased")


def test_a_customer_whose_account_is_closed_receives_no_messages(api: APIClient, ada: User, receiver: Receiver) -> None:
    bea = make_customer("bea")
    for client in (api, client_of(bea)):
        subscribe(client, receiver.url)
        place(client)
    ada.is_active = False
    ada.save()
    deliver()
    assert len(receiver.got) == 1, "the closed account's planned delivery is not sent either"
    mine, others = WebhookEndpoint.objects.order_by("created_at")
    assert (others.disabled_at, mine.disabled_reason) == (None, "The account may not log in any more.")
    bea.delete()
    others.refresh_from_db()
    assert others.disabled_at


def test_old_deliveries_are_deleted_and_pending_ones_are_not(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    pay(api, place(api))
    receiver.answers = [200, 500]
    deliver()
    assert sorted(each["status"] for each in deliveries_of(api, endpoint)) == ["delivered", "pending"]
    long_ago = timezone.now() - timedelta(days=31)
    WebhookDelivery.objects.filter(status="delivered").update(finished_at=long_ago)
    tasks.prune()
    assert [each["status"] for each in deliveries_of(api, endpoint)] == ["pending"]


# --- staff ------------------------------------------------------------------------------------------------------------


def test_staff_see_failed_deliveries_and_retry_them(
    api: APIClient, receiver: Receiver, settings: Any, log_in: Any
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [0.0]
    endpoint = subscribe(api, receiver.url)
    refuse(receiver, place(api))
    deliver_rounds(3)
    failed = WebhookDelivery.objects.get(status="failed")
    assert api.get(ENDPOINTS).json()["results"][0]["disabled_at"]
    staff: Client = log_in("Operators")
    endpoint_list, delivery_list = (
        reverse(f"admin:projections_webhook{name}_changelist") for name in ("endpoint", "delivery")
    )
    assert b"500" in staff.get(delivery_list).content
    assert b"accepted no message" in staff.get(endpoint_list).content
    shown = staff.get(reverse("admin:projections_webhookendpoint_change", args=[failed.endpoint_id]))
    assert shown.status_code == 200
    assert b"ecret" not in shown.content.partition(b"fieldset")[2]
    assert b"0 deliveries will be retried" in act(staff, delivery_list, "send_again", failed.pk).content
    assert b"1 endpoint enabled" in act(staff, endpoint_list, "enable", endpoint["id"]).content
    assert b"1 delivery will be retried" in act(staff, delivery_list, "send_again", failed.pk).content
    receiver.decide = None
    deliver()
    failed.refresh_from_db()
    assert failed.status == "delivered"
    accountant: Client = log_in("Accountants", username="acc")
    assert accountant.get(delivery_list).status_code == 403


def test_the_example_in_the_docs_verifies_a_message(api: APIClient, receiver: Receiver) -> None:
    text = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()
    lines = text.partition("```python\n")[2].partition("```")[0]
    secret = subscribe(api, receiver.url)["secret"]
    place(api)
    deliver()
    headers, body = receiver.got[0]
    known = {"base64": base64, "hmac": hmac, "time": time, "secret": secret, "headers": headers}
    exec(lines, {**known, "body": body})
    with pytest.raises(AssertionError):
        exec(lines, {**known, "body": body + b" "})


def test_the_signature_covers_the_time_of_the_attempt() -> None:
    """The signed text is the id, the time and the body, joined by dots."""
    from datetime import UTC, datetime

    message = sending.Message(
        event_id=UUID(int=7), url="https://example.com/", secrets=("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",), body="{}"
    )
    first = dict(sending.headers_of(message, datetime.fromtimestamp(1_700_000_000, UTC)))
    later = dict(sending.headers_of(message, datetime.fromtimestamp(1_700_000_001, UTC)))
    assert first[b"webhook-timestamp"] == b"1700000000"
    assert first[b"webhook-id"] == later[b"webhook-id"]
    assert first[b"webhook-signature"] != later[b"webhook-signature"]
