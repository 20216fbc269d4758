"""Sending in fair shares: slow or many endpoints of one customer do not delay those of others."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from eventstore.storage import leases
from projections.webhooks import circuit, claiming, deliveries, planning, sending, tasks
from projections.webhooks.circuit import Circuit, circuit_of
from projections.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.support.api import place
from tests.support.site import client_of, make_customer
from tests.support.webhook_receiver import ENDLESS_BODY, Receiver, receiving
from tests.support.webhooks import subscribe


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def endpoint_of(owner: UUID, host: str, *, pending: int, **fields: Any) -> WebhookEndpoint:
    """Store an endpoint with messages that are due, each about another order."""
    endpoint = WebhookEndpoint.objects.create(
        id=uuid4(), customer_id=owner, url=f"https://{host}/{uuid4()}", secret=b"", since=0, **fields
    )
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint,
            event_id=uuid4(),
            position=1,
            aggregate_id=uuid4(),
            event_type="order.paid",
            due_at=timezone.now() - timedelta(minutes=1),
        )
        for _ in range(pending)
    )
    return endpoint


def claimed(room: int = 50) -> dict[UUID, int]:
    """Claim what is due; return how many messages each endpoint got."""
    numbers: dict[UUID, int] = {}
    for delivery in claiming.claim(room):
        numbers[delivery.endpoint.pk] = numbers.get(delivery.endpoint.pk, 0) + 1
    return numbers


# --- shares -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_customer_with_many_endpoints_gets_its_share_and_no_more(settings: Any) -> None:
    settings.WEBHOOK_AT_ONCE_CUSTOMER = 10
    greedy, modest = uuid4(), uuid4()
    many = [endpoint_of(greedy, f"s{number}.example", pending=100) for number in range(10)]
    one = endpoint_of(modest, "shop.example", pending=3)
    numbers = claimed()
    assert numbers.pop(one.pk) == 3
    assert numbers == dict.fromkeys((each.pk for each in many), 1), "its endpoints take turns"
    assert claimed() == {}, "what is on its way counts"


@pytest.mark.django_db
def test_customers_take_turns_when_places_are_few() -> None:
    first = endpoint_of(uuid4(), "a.example", pending=100)
    second = endpoint_of(uuid4(), "b.example", pending=100)
    assert claimed(room=4) == {first.pk: 2, second.pk: 2}
    third = endpoint_of(uuid4(), "c.example", pending=100)
    assert claimed(room=2) == {third.pk: 2}, "who has the fewest messages on their way comes first"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["same.example", "SAME.example", "same.example:443"])
def test_all_customers_together_take_a_share_of_one_host(settings: Any, name: str) -> None:
    settings.WEBHOOK_AT_ONCE_HOST = 4
    one, other = uuid4(), uuid4()
    endpoints = [endpoint_of(one, "same.example", pending=9) for _ in range(3)] + [endpoint_of(other, name, pending=9)]
    elsewhere = endpoint_of(one, "elsewhere.example", pending=2)
    numbers = claimed()
    assert numbers.pop(elsewhere.pk) == 2, "the busy host does not delay another host of the same customer"
    assert sum(numbers.values()) == 4
    assert numbers[endpoints[-1].pk] == 2, "customers take turns on a host"


@pytest.mark.django_db
def test_the_share_of_a_worker_that_died_is_free_when_its_lease_ends() -> None:
    endpoint = endpoint_of(uuid4(), "a.example", pending=20)
    assert claimed() == {endpoint.pk: claiming.AT_ONCE_EACH}
    assert claimed() == {}
    past = timezone.now() - timedelta(seconds=1)
    WebhookDelivery.objects.exclude(claimed_until=None).update(claimed_until=past, due_at=past)
    assert claimed() == {endpoint.pk: claiming.AT_ONCE_EACH}


# --- one round --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_message_to_a_quick_server_does_not_wait_for_the_answers_of_slow_ones(
    api: APIClient, receiver: Receiver
) -> None:
    answered, slow_called = threading.Event(), threading.Event()

    def wait(message: dict[str, Any]) -> int:
        slow_called.set()
        answered.wait(30)
        return 200

    receiver.decide = wait
    subscribe(api, receiver.url)
    place(api)
    bea = client_of(make_customer("bea"))
    with receiving() as quick:
        subscribe(bea, quick.url)
        sender = threading.Thread(target=run_and_close)
        sender.start()
        try:
            assert slow_called.wait(20)
            place(bea)  # while the slow answer is awaited
            tasks.run()  # the wake-up of the commit: plans, and leaves the sending to the other process
            deadline = time.monotonic() + 20
            while not quick.got and time.monotonic() < deadline:
                time.sleep(0.05)
            assert quick.got
            assert not answered.is_set()
        finally:
            answered.set()
            sender.join()


def run_and_close() -> None:
    try:
        tasks.run()
    finally:
        connection.close()


def test_only_one_process_sends_so_that_the_others_of_its_worker_stay_free(api: APIClient, receiver: Receiver) -> None:
    subscribe(api, receiver.url)
    place(api)
    with leases.hold(deliveries.LEASE):
        tasks.run()
    assert receiver.got == []
    tasks.run()
    assert len(receiver.got) == 1


def answer_after_a_second(message: dict[str, Any]) -> int:
    time.sleep(1)
    return 200


def test_after_its_time_a_sender_hands_over_and_only_waits_for_answers(api: APIClient, receiver: Receiver) -> None:
    subscribe(api, receiver.url)
    for _ in range(8):
        place(api)
    receiver.decide = answer_after_a_second
    planning.plan_new_events()
    handed_over: list[str] = []
    assert deliveries.deliver_due(seconds=0, hand_over=lambda: handed_over.append("now")) == 5
    assert handed_over
    assert WebhookDelivery.objects.filter(status="delivered").count() == 5


# --- circuit breaker --------------------------------------------------------------------------------------------------


def outcome_of(api: APIClient, receiver: Receiver, outcome: sending.Outcome) -> WebhookEndpoint:
    """Record an outcome of a message to a customer's only endpoint."""
    endpoint = WebhookEndpoint.objects.get()
    circuit.record(endpoint, outcome, failed_after=None)
    return WebhookEndpoint.objects.get()


def test_slow_answers_open_the_circuit_and_a_quick_one_closes_it(api: APIClient, receiver: Receiver) -> None:
    subscribe(api, receiver.url)
    slow, quick = sending.Outcome(status=200, seconds=7), sending.Outcome(status=200, seconds=0.1)
    states = [circuit_of(outcome_of(api, receiver, slow)) for _ in range(circuit.SLOW_IN_A_ROW)]
    assert states == [Circuit.CLOSED] * (circuit.SLOW_IN_A_ROW - 1) + [Circuit.OPEN]
    WebhookEndpoint.objects.update(resting_until=timezone.now() + timedelta(hours=1))  # the machine may be busy
    for _ in range(3):
        place(api)
    tasks.run()
    assert receiver.got == []
    WebhookEndpoint.objects.update(resting_until=timezone.now())
    assert circuit_of(WebhookEndpoint.objects.get()) == Circuit.HALF_OPEN
    assert len(claiming.claim(50)) == 1, "one message tests it"
    assert circuit_of(outcome_of(api, receiver, slow)) == Circuit.OPEN
    assert circuit_of(outcome_of(api, receiver, quick)) == Circuit.CLOSED
    assert len(claiming.claim(50)) == 2


def test_a_failing_endpoint_is_tested_by_one_message_before_all_are_sent(api: APIClient, receiver: Receiver) -> None:
    subscribe(api, receiver.url)
    for _ in range(5):
        place(api)
    receiver.answers = [500] * 5
    tasks.run()
    assert len(receiver.got) == 5
    past = timezone.now()
    WebhookEndpoint.objects.update(resting_until=past)
    WebhookDelivery.objects.update(due_at=past)
    receiver.answers = [500]
    tasks.run()
    assert len(receiver.got) == 6, "the circuit is open again after one message"
    WebhookEndpoint.objects.update(resting_until=past)
    WebhookDelivery.objects.update(due_at=past)
    tasks.run()
    assert WebhookDelivery.objects.filter(status="delivered").count() == 5


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_a_receiver_that_asks_for_a_pause_gets_it(
    api: APIClient, receiver: Receiver, status: int, as_date: bool
) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=900)
    receiver.headers = {"Retry-After": format_datetime(moment, usegmt=True) if as_date else "900"}
    receiver.answers = [status]
    subscribe(api, receiver.url)
    place(api)
    tasks.run()
    for paused in (WebhookDelivery.objects.get().due_at, WebhookEndpoint.objects.get().resting_until):
        assert paused
        assert 840 < (paused - timezone.now()).total_seconds() <= 901


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("999999999999999999999", 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("-5", 30.0),
        ("soon", 30.0),
        ("", 30.0),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 30.0),
    ],
)
def test_a_pause_that_is_too_long_or_cannot_be_read_is_bounded(
    api: APIClient, receiver: Receiver, text: str, longest: float
) -> None:
    receiver.headers = {"Retry-After": text}
    receiver.answers = [503]
    subscribe(api, receiver.url)
    place(api)
    tasks.run()
    left = (WebhookDelivery.objects.get().due_at - timezone.now()).total_seconds()
    assert longest / 10 < left <= longest


def test_an_answer_that_is_sent_slowly_takes_no_place_after_its_status(api: APIClient, receiver: Receiver) -> None:
    receiver.decide = lambda message: ENDLESS_BODY
    subscribe(api, receiver.url)
    place(api)
    tasks.run()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts[0]["status"]) == ("delivered", 200)
