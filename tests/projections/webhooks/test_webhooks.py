"""Webhooks, as a customer's server and whoever runs it meet them."""

import base64
import hmac
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
from projections.webhooks import addresses, deliveries, endpoints, planning, sending, tasks
from projections.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from tests.support.api import place, problem
from tests.support.order_examples import CREATED
from tests.support.payments import pay
from tests.support.projection_spec import write
from tests.support.site import client_of, make_customer
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.webhooks import ENDPOINTS, subscribe


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def deliver() -> None:
    tasks.run()


def now_due() -> None:
    """As if the pauses were over."""
    WebhookDelivery.objects.filter(status=DeliveryStatus.PENDING).update(due_at=timezone.now())
    WebhookEndpoint.objects.update(resting_until=None)


def sent(api: APIClient, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries").json()["results"]
    return results


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_what_happens_is_sent_signed_and_names_the_event_as_the_feed_does(api: APIClient, receiver: Receiver) -> None:
    place(api)  # before: it is not sent
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
    (delivery,) = sent(api, endpoint)
    assert (delivery["event_id"], delivery["status"], delivery["next_attempt_at"]) == (event["id"], "delivered", None)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
    deliver()
    assert len(receiver.got) == 1


def test_a_message_that_was_changed_or_signed_by_another_does_not_verify(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    other = subscribe(api, receiver.url + "other")
    place(api)
    deliver()
    with pytest.raises(WebhookVerificationError):
        receiver.messages(other["secret"])
    receiver.got = [(headers, body + b" ") for headers, body in receiver.got]
    with pytest.raises(WebhookVerificationError):
        receiver.messages(endpoint["secret"])


def test_an_endpoint_gets_the_events_it_names_and_no_other_customers(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url, event_types=["order.paid"])
    bea = client_of(make_customer("bea"))
    order_id, others = place(api), place(bea)
    pay(api, order_id)
    pay(bea, others)
    deliver()
    assert [(each["type"], each["data"]["order_id"]) for each in receiver.messages(endpoint["secret"])] == [
        ("order.paid", order_id)
    ]


def test_what_is_refused_is_sent_again_under_the_same_id_after_longer_and_longer_pauses(
    api: APIClient, receiver: Receiver
) -> None:
    endpoint = subscribe(api, receiver.url)
    place(api)
    receiver.answers = [503, 302, 404]
    pauses = []
    for _ in range(3):
        deliver()
        (delivery,) = WebhookDelivery.objects.all()
        pauses.append((delivery.due_at - timezone.now()).total_seconds())
        deliver()  # not due yet
        now_due()
    for pause, expected in zip(pauses, (5, 300, 1800), strict=True):
        assert expected * 0.8 < pause < expected * 1.2 + 1
    deliver()
    assert len(receiver.got) == 4
    assert len(set(receiver.ids)) == 1
    receiver.messages(endpoint["secret"])
    (shown,) = sent(api, endpoint)
    assert [attempt["status"] for attempt in shown["attempts"]] == [503, 302, 404, 200]
    assert shown["status"] == "delivered"


def test_a_later_event_of_an_order_waits_for_the_earlier_and_other_orders_do_not(
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
    now_due()
    deliver()
    got = [(each["data"]["order_id"], each["data"]["version"]) for each in receiver.messages(endpoint["secret"])]
    assert got[2:] == [(first, 1), (first, 2)]


def refuse(receiver: Receiver, order_id: str, version: int = 1) -> None:
    """From now on, one event of one order is not taken."""

    def decide(message: dict[str, Any]) -> int:
        data = message["data"]
        return 500 if (data["order_id"], data["version"]) == (order_id, version) else 200

    receiver.decide = decide


def give_up(rounds: int) -> None:
    for _ in range(rounds):
        deliver()
        now_due()


def test_what_was_given_up_lets_later_events_go_and_can_be_asked_for_again(
    api: APIClient, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [0.0]
    endpoint = subscribe(api, receiver.url)
    order_id = place(api)
    refuse(receiver, order_id)
    deliver()
    place(api)  # is taken: the endpoint is not given up as a whole
    pay(api, order_id)
    WebhookEndpoint.objects.update(resting_until=None)
    WebhookDelivery.objects.filter(status="pending").update(due_at=timezone.now() + timedelta(hours=1))
    deliver()
    give_up(3)
    by_version = {(each["type"], each["status"]): len(each["attempts"]) for each in sent(api, endpoint)}
    assert by_version == {
        ("order.created", "failed"): 2,
        ("order.created", "delivered"): 1,
        ("order.paid", "delivered"): 1,
    }
    given_up = next(each for each in sent(api, endpoint) if each["status"] == "failed")
    receiver.decide = None
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{given_up['event_id']}/retry"
    again = api.post(path)
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    deliver()
    assert {each["status"] for each in sent(api, endpoint)} == {"delivered"}
    problem(api.post(path), 409, "not_given_up")
    problem(api.post(f"{ENDPOINTS}/{endpoint['id']}/deliveries/{uuid4()}/retry"), 404, "delivery_not_found")


def test_an_endpoint_that_answers_gone_is_disabled(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    order_id = place(api)
    receiver.answers = [410]
    deliver()
    pay(api, order_id)
    now_due()
    deliver()
    assert len(receiver.got) == 1
    (shown,) = api.get(ENDPOINTS).json()["results"]
    assert shown["disabled_at"]
    assert "410" in shown["disabled_reason"]
    (in_russian,) = api.get(ENDPOINTS, headers={"Accept-Language": "ru"}).json()["results"]
    assert "не нужны" in in_russian["disabled_reason"]
    (delivery,) = sent(api, endpoint)
    assert delivery["status"] == "failed"
    problem(api.post(f"{ENDPOINTS}/{endpoint['id']}/test"), 409, "endpoint_disabled")
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{delivery['event_id']}/retry"
    problem(api.post(path), 409, "endpoint_disabled")


def test_an_endpoint_that_takes_nothing_for_as_long_as_a_message_is_tried_is_disabled(
    api: APIClient, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [0.0, 0.0]
    endpoint = subscribe(api, receiver.url)
    pay(api, place(api))
    receiver.answers = [500] * 9
    for _ in range(5):
        deliver()
        now_due()
    assert len(receiver.got) == 3
    assert "accepted no message" in api.get(ENDPOINTS).json()["results"][0]["disabled_reason"]
    assert [each["status"] for each in sent(api, endpoint)] == ["failed", "failed"]


def test_an_endpoint_that_fails_rests_and_does_not_keep_others_waiting(
    api: APIClient, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_SECONDS = 0.5
    subscribe(api, receiver.url)
    for _ in range(3):
        place(api)
    receiver.answers = [0, 0, 0]  # byte by byte, and never to the end
    began = time.monotonic()
    deliver()
    assert time.monotonic() - began < 2.5, "the three were sent at once, and none waited for longer than allowed"
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


def test_deliveries_come_in_pages_as_orders_do(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    place(api)
    place(api)
    deliver()
    both = [each["event_id"] for each in sent(api, endpoint)]
    first = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries?limit=1").json()
    second = api.get(first["next"]).json()
    assert [page["results"][0]["event_id"] for page in (first, second)] == both
    assert api.get(second["prev"]).json()["results"] == first["results"]
    for query, field in (("limit=some", "limit"), ("cursor=x", "cursor")):
        refused = api.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries?{query}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)


def test_a_server_that_is_not_there_is_tried_again(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, "http://127.0.0.1:1/")
    place(api)
    deliver()
    (delivery,) = sent(api, endpoint)
    assert delivery["attempts"][0]["status"] is None
    assert "ConnectError" in delivery["attempts"][0]["problem"]
    assert delivery["next_attempt_at"]


# --- whatever dies ----------------------------------------------------------------------------------------------------


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


def test_a_worker_that_dies_before_it_noted_the_answer_has_it_sent_again(
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
    assert len(receiver.got) == 1, "it may still be on its way"
    now_due()  # its lease is over
    deliver()
    assert len(receiver.got) == 2
    assert len(set(receiver.ids)) == 1
    assert sent(api, endpoint)[0]["status"] == "delivered"


def test_a_crash_while_hearing_leaves_both_the_rows_and_the_checkpoint_or_neither(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(api, receiver.url)
    place(api)
    plan = planning._plan

    def plan_and_fail(facts: Any) -> None:
        plan(facts)
        raise RuntimeError("not now")

    with monkeypatch.context() as failing:
        failing.setattr(planning, "_plan", plan_and_fail)
        deliver()
    assert not WebhookDelivery.objects.exists()
    assert "not now" in ConsumerCheckpoint.objects.get(name=endpoints.CONSUMER).problem
    deliver()
    assert len(receiver.got) == 1
    assert ConsumerCheckpoint.objects.get(name=endpoints.CONSUMER).problem == ""


def test_what_was_imported_from_another_site_is_no_news(api: APIClient, ada: User, receiver: Receiver) -> None:
    subscribe(api, receiver.url)
    theirs = write(replace(CREATED, order_id=new_id(), customer_id=ada.customer_id), 0)
    store.append([replace(theirs, metadata=msgspec.structs.replace(theirs.metadata, extra={IMPORTED: "elsewhere"}))])
    deliver()
    assert receiver.got == []


def test_an_endpoint_hears_what_happened_after_it_was_made_however_late_the_worker_is(
    api: APIClient, receiver: Receiver
) -> None:
    early = subscribe(api, receiver.url)
    first = place(api)
    late = subscribe(api, receiver.url + "late")
    second = place(api)
    deliver()
    assert [order_of(sent(api, each)) for each in (early, late)] == [[second, first], [second]]


def order_of(shown: list[dict[str, Any]]) -> list[str]:
    """The orders of these deliveries."""
    found = WebhookDelivery.objects.filter(event_id__in=[each["event_id"] for each in shown])
    orders = {str(each.event_id): str(each.aggregate_id) for each in found}
    return [orders[each["event_id"]] for each in shown]


def test_nothing_is_sent_to_an_endpoint_that_was_deleted(api: APIClient, receiver: Receiver) -> None:
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


def test_a_test_is_sent_at_once_also_to_an_endpoint_that_rests(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url, event_types=["order.paid"])
    WebhookEndpoint.objects.update(resting_until=timezone.now() + timedelta(hours=1))
    answer = api.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    assert answer.status_code == 202
    deliver()
    (message,) = receiver.messages(endpoint["secret"])
    assert (message["type"], message["data"]["id"]) == ("webhook.test", answer.json()["event_id"])
    assert sent(api, endpoint)[0]["status"] == "delivered"
    for _ in range(9):
        api.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    often = api.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    problem(often, 429, "too_many_tests")
    assert often["Retry-After"] == "60"


def test_another_customers_endpoint_is_not_there(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    place(api)
    deliver()
    event_id = sent(api, endpoint)[0]["event_id"]
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
        ("https://127.0.0.1/", "public internet"),
        ("https://localhost/", "public internet"),
        ("https://2130706433/", "public internet"),
        ("https://0x7f.1/", "public internet"),
        ("https://10.1.2.3/", "public internet"),
        ("https://192.168.0.1/", "public internet"),
        ("https://169.254.169.254/latest/meta-data/", "public internet"),
        ("https://100.64.0.1/", "public internet"),
        ("https://0.0.0.0/", "public internet"),
        ("https://224.0.0.1/", "public internet"),
        ("https://[::1]/", "public internet"),
        ("https://[::ffff:10.0.0.1]/", "public internet"),
        ("https://[fe80::1]/", "public internet"),
        ("https://[fd00::1]/", "public internet"),
        ("https://[fec0::1]/", "public internet"),
        ("https://[64:ff9b::a00:1]/", "public internet"),
        ("https://[2002:a00:1::]/", "public internet"),
        ("https://no-such-host.invalid/", "no address"),
    ],
)
def test_an_address_that_must_not_be_called_is_refused(api: APIClient, settings: Any, url: str, words: str) -> None:
    settings.WEBHOOK_PLAIN_HTTP = settings.WEBHOOK_PRIVATE_ADDRESSES = False
    refused = problem(api.post(ENDPOINTS, {"url": url}, format="json"), 400, "invalid")
    assert [(error["field"], error["code"]) for error in refused["errors"]] == [("url", "url_refused")]
    assert words in refused["detail"]


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_an_address_of_the_public_internet_may_be_called(address: str) -> None:
    assert addresses.is_public(address)


def test_a_name_that_points_into_our_network_when_it_is_called_is_not_called(
    api: APIClient, receiver: Receiver, settings: Any
) -> None:
    """It was public when it was named, and is looked up anew: what is checked is what is called."""
    endpoint = subscribe(api, receiver.url.replace("127.0.0.1", "localhost"))
    place(api)
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    deliver()
    assert receiver.got == []
    (delivery,) = sent(api, endpoint)
    assert "public internet" in delivery["attempts"][0]["problem"]


@pytest.mark.parametrize("found", [["::1", "127.0.0.1"], ["127.0.0.1", "::1"]])
def test_what_is_called_is_the_very_address_that_was_looked_at(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    """No second look-up could lead elsewhere. Where an address is not answered, the next one is called."""
    url = receiver.url.replace("127.0.0.1", "erp.invalid")
    monkeypatch.setattr(addresses, "look_up", lambda host, port: found)
    subscribe(api, url)
    place(api)
    deliver()
    assert [headers["host"] for headers, _ in receiver.got] == [url.removeprefix("http://").removesuffix("/")]


def test_a_message_that_fails_as_nobody_foresaw_does_not_keep_the_others(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, other = subscribe(api, receiver.url), subscribe(api, receiver.url + "other")
    post = sending._post

    async def fail(message: sending.Message) -> int:
        if message.url == endpoint["url"]:
            raise KeyError("surprise")
        return await post(message)

    monkeypatch.setattr(sending, "_post", fail)
    place(api)
    deliver()
    assert [sent(api, each)[0]["status"] for each in (endpoint, other)] == ["pending", "delivered"]


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
def test_a_body_that_is_wrong_is_refused_by_field(api: APIClient, receiver: Receiver, body: Any, field: str) -> None:
    sent_body = body if field in ("url", "body") else {"url": receiver.url, **body}
    refused = problem(api.post(ENDPOINTS, sent_body, format="json"), 400, "invalid")
    assert field in [error["field"] for error in refused["errors"]]


def test_a_customer_has_so_many_endpoints_and_each_url_once(api: APIClient, receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_ENDPOINTS = 2
    subscribe(api, receiver.url)
    problem(api.post(ENDPOINTS, {"url": receiver.url}, format="json"), 409, "endpoint_exists")
    second = subscribe(api, receiver.url + "2")
    problem(api.post(ENDPOINTS, {"url": receiver.url + "3"}, format="json"), 409, "too_many_endpoints")
    assert api.delete(f"{ENDPOINTS}/{second['id']}").status_code == 204
    subscribe(api, receiver.url + "3")


def test_who_is_erased_has_no_endpoint_any_more(api: APIClient, ada: User, receiver: Receiver) -> None:
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
    assert len(receiver.got) == 1, "what was not sent yet is not sent"
    assert [str(each.pk) for each in WebhookEndpoint.objects.all()] == [kept["id"]]
    problem(api.post(ENDPOINTS, {"url": receiver.url}, format="json"), 409, "subject_erased")


def test_who_may_not_log_in_any_more_is_not_told_either(api: APIClient, ada: User, receiver: Receiver) -> None:
    bea = make_customer("bea")
    for client in (api, client_of(bea)):
        subscribe(client, receiver.url)
        place(client)
    ada.is_active = False
    ada.save()
    deliver()
    assert len(receiver.got) == 1, "of hers, what was planned is not sent either"
    mine, others = WebhookEndpoint.objects.order_by("created_at")
    assert (others.disabled_at, mine.disabled_reason) == (None, "The account may not log in any more.")
    bea.delete()
    others.refresh_from_db()
    assert others.disabled_at


def test_old_deliveries_are_forgotten_and_pending_ones_are_not(api: APIClient, receiver: Receiver) -> None:
    endpoint = subscribe(api, receiver.url)
    pay(api, place(api))
    receiver.answers = [200, 500]
    deliver()
    assert sorted(each["status"] for each in sent(api, endpoint)) == ["delivered", "pending"]
    long_ago = timezone.now() - timedelta(days=31)
    WebhookDelivery.objects.filter(status="delivered").update(finished_at=long_ago)
    tasks.prune()
    assert [each["status"] for each in sent(api, endpoint)] == ["pending"]


# --- staff ------------------------------------------------------------------------------------------------------------


def test_staff_see_what_was_not_delivered_and_have_it_sent_again(
    api: APIClient, receiver: Receiver, settings: Any, log_in: Any
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [0.0]
    endpoint = subscribe(api, receiver.url)
    refuse(receiver, place(api))
    give_up(3)
    failed = WebhookDelivery.objects.get(status="failed")
    assert api.get(ENDPOINTS).json()["results"][0]["disabled_at"]
    staff: Client = log_in("Back office")
    endpoint_list, delivery_list = (
        reverse(f"admin:projections_webhook{name}_changelist") for name in ("endpoint", "delivery")
    )
    assert b"500" in staff.get(delivery_list).content
    assert b"accepted no message" in staff.get(endpoint_list).content
    shown = staff.get(reverse("admin:projections_webhookendpoint_change", args=[failed.endpoint_id]))
    assert shown.status_code == 200
    assert b"ecret" not in shown.content.partition(b"fieldset")[2]
    act(staff, delivery_list, "send_again", failed.pk, b"0 deliveries will be retried")
    act(staff, endpoint_list, "enable", endpoint["id"], b"1 endpoint enabled")
    act(staff, delivery_list, "send_again", failed.pk, b"1 delivery will be retried")
    receiver.decide = None
    deliver()
    failed.refresh_from_db()
    assert failed.status == "delivered"
    accountant: Client = log_in("Accountants", username="acc")
    assert accountant.get(delivery_list).status_code == 403


def act(staff: Client, page: str, action: str, pk: Any, words: bytes) -> None:
    done = staff.post(page, {"action": action, "_selected_action": [pk]}, follow=True)
    assert words in done.content


def test_a_message_is_verified_by_the_lines_of_the_docs(api: APIClient, receiver: Receiver) -> None:
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


def test_headers_of_a_message_sign_the_time_of_the_attempt() -> None:
    """The example of the standard: the id, the time and the body, joined by dots."""
    from datetime import UTC, datetime

    message = sending.Message(
        event_id=UUID(int=7), url="https://example.com/", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body="{}"
    )
    first = dict(sending.headers_of(message, datetime.fromtimestamp(1_700_000_000, UTC)))
    later = dict(sending.headers_of(message, datetime.fromtimestamp(1_700_000_001, UTC)))
    assert first[b"webhook-timestamp"] == b"1700000000"
    assert first[b"webhook-id"] == later[b"webhook-id"]
    assert first[b"webhook-signature"] != later[b"webhook-signature"]
