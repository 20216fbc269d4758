"""An event that deliveries cannot be planned for is parked, and the webhooks of other orders are sent."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from eventstore.dispatch import Context
from eventstore.followers import parking
from eventstore.models import ConsumerCheckpoint, ConsumerParkedEvent, Event
from eventstore.personal_data import subjects
from ordersite.models import User
from projections.customer.public_events import as_public
from projections.webhooks import endpoints, planning, tasks
from projections.webhooks.models import WebhookEndpoint
from tests.support.api import place
from tests.support.payments import pay
from tests.support.tampering import behind_the_logs_back, change_event
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.webhooks import subscribe

pytestmark = pytest.mark.django_db(transaction=True)
FAILED, WAITING = ConsumerParkedEvent.Status.FAILED, ConsumerParkedEvent.Status.WAITING


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def sent(receiver: Receiver, secret: str, order_id: str) -> list[str]:
    """Return the types of the messages about this order, in order."""
    return [each["type"] for each in receiver.messages(secret) if each["data"]["order_id"] == order_id]


def parked() -> list[tuple[str, str]]:
    return list(parking.parked_events(endpoints.CONSUMER).values_list("event_type", "status"))


def run_worker() -> None:
    """Plan and send what is due: one event of an order in each run."""
    for _ in range(3):
        tasks.run()


def test_an_order_whose_customer_cannot_be_read_waits_and_other_orders_are_sent(
    api: APIClient, receiver: Receiver
) -> None:
    secret = subscribe(api, receiver.url)["secret"]
    bad, good = place(api), place(api)
    pay(api, bad)
    pay(api, good)
    intact = json.dumps(Event.objects.get(aggregate_id=bad, version=1).event_data)
    change_event(UUID(bad), "event_data = event_data || '{\"lines\": 7}'", version=1)
    run_worker()
    assert (sent(receiver, secret, bad), sent(receiver, secret, good)) == ([], ["order.created", "order.paid"])
    assert parked() == [("order.created", FAILED), ("order.paid", WAITING)]
    assert ConsumerCheckpoint.objects.get(name=endpoints.CONSUMER).problem == ""
    behind_the_logs_back("UPDATE events SET event_data = %s WHERE aggregate_id = %s AND version = 1", intact, bad)
    assert parking.redrive(endpoints.CONSUMER) == 2
    run_worker()
    assert sent(receiver, secret, bad) == ["order.created", "order.paid"]


def test_an_event_that_breaks_planning_and_those_behind_it_are_sent_in_order_after_the_fix(
    api: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = subscribe(api, receiver.url)["secret"]
    bad, good = place(api), place(api)
    pay(api, bad)
    pay(api, good)

    def fail_for_bad(fact: Any) -> Any:
        if str(fact.aggregate_id) == bad and fact.version == 1:
            raise ZeroDivisionError("not this one")
        return as_public(fact)

    with monkeypatch.context() as failing:
        failing.setattr(planning, "as_public", fail_for_bad)
        run_worker()
    assert (sent(receiver, secret, bad), sent(receiver, secret, good)) == ([], ["order.created", "order.paid"])
    assert parked() == [("order.created", FAILED), ("order.paid", WAITING)]
    assert parking.redrive(endpoints.CONSUMER) == 2
    assert parking.redrive(endpoints.CONSUMER) == 0
    run_worker()
    assert sent(receiver, secret, bad) == ["order.created", "order.paid"]
    assert len(set(receiver.ids)) == len(receiver.ids) == 4, "each once"


def test_an_erasure_that_cannot_be_read_is_parked_until_it_deletes_the_endpoints(
    api: APIClient, ada: User, receiver: Receiver
) -> None:
    subscribe(api, receiver.url)
    assert ada.customer_id
    subjects.erase(ada.customer_id, Context(actor="service:test"))
    (erased,) = Event.objects.filter(event_type="subject.erased")
    change = "UPDATE events SET event_data = %s WHERE position = %s"
    behind_the_logs_back(change, "[]", erased.position)
    tasks.run()
    assert [status for _, status in parked()] == [FAILED]
    assert WebhookEndpoint.objects.exists()
    behind_the_logs_back(change, json.dumps(erased.event_data), erased.position)
    assert parking.redrive(endpoints.CONSUMER) == 1
    assert not WebhookEndpoint.objects.exists()
