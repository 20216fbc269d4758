"""Asynchronous commands: `Prefer: respond-async`."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from eventstore import store
from eventstore.models import Event, QueuedCommand
from eventstore.queue import worker
from ordersite.models import User
from tests.support.api import BODY, ORDERS, PAYMENT, place, problem, send
from tests.support.site import client_of, make_customer


def later(api: APIClient, path: str, body: Any, key: str | None = None, **headers: str) -> Any:
    return send(api, path, body, key, **{"Prefer": "respond-async", **headers})


def test_an_accepted_command_is_done_and_its_outcome_read_at_its_location(api: APIClient) -> None:
    accepted = later(api, ORDERS, BODY, "first")
    assert accepted.status_code == 202
    assert accepted["Preference-Applied"] == "respond-async"
    assert accepted["Retry-After"] == "1"
    body = accepted.json()
    assert accepted["Location"] == f"/api/v1/commands/{body['command_id']}"
    assert body["status"] == "waiting"
    assert not Event.objects.exists()
    waiting = api.get(accepted["Location"])
    assert (waiting.status_code, waiting.json()["status"], waiting["Retry-After"]) == (202, "waiting", "1")
    worker.run()
    done = api.get(accepted["Location"])
    assert done.json() == {
        "command_id": body["command_id"], "status": "done", "order_id": body["order_id"], "version": 1
    }  # fmt: skip
    assert done["Link"] == f'<{ORDERS}/{body["order_id"]}?min_version=1>; rel="item"'
    assert api.get(f"{ORDERS}/{body['order_id']}").json()["total"] == "22.50"


def test_a_repeated_request_is_the_same_command(api: APIClient) -> None:
    first = later(api, ORDERS, BODY, "k").json()
    assert later(api, ORDERS, BODY, "k").json() == first
    worker.run()
    repeated = later(api, ORDERS, BODY, "k")
    assert (repeated.status_code, repeated.json()) == (202, first | {"status": "done"})
    synchronous = send(api, ORDERS, BODY, "k")
    assert (synchronous.status_code, synchronous.json()["order_id"]) == (201, first["order_id"])
    assert synchronous["Idempotency-Replayed"] == "true"
    problem(later(api, ORDERS, BODY | {"country": "France"}, "k"), 422, "idempotency_key_reused")
    assert Event.objects.count() == 1


def test_an_outcome_has_the_same_problem_as_a_synchronous_answer(api: APIClient) -> None:
    order_id = place(api)
    wrong = later(api, f"{ORDERS}/{order_id}/payments", PAYMENT | {"amount": "1.00"})
    stale = later(api, f"{ORDERS}/{order_id}/payments", PAYMENT, **{"If-Match": '"9"'})
    worker.run()
    outcome = api.get(wrong["Location"]).json()
    assert outcome["status"] == "refused"
    at_once = send(api, f"{ORDERS}/{order_id}/payments", PAYMENT | {"amount": "1.00"})
    assert outcome["problem"] == at_once.json()
    assert api.get(stale["Location"]).json()["problem"]["code"] == "version_differs"


@pytest.mark.parametrize("path", ["payments", "cancel"])
def test_orders_and_outcomes_of_other_customers_do_not_exist(api: APIClient, path: str) -> None:
    order_id = place(api)
    eve = client_of(make_customer("eve"))
    body = PAYMENT if path == "payments" else {"reason": "mine now"}
    accepted = later(eve, f"{ORDERS}/{order_id}/{path}", body)
    worker.run()
    outcome = eve.get(accepted["Location"]).json()
    assert (outcome["status"], outcome["problem"]["status"], outcome["problem"]["code"]) == (
        "refused",
        404,
        "order_not_found",
    )
    assert len(store.read_stream(QueuedCommand.objects.get().aggregate_id)) == 1
    problem(api.get(accepted["Location"]), 404, "command_not_found")
    problem(api.get(f"/api/v1/commands/{uuid4()}"), 404, "command_not_found")
    assert APIClient().get(accepted["Location"]).status_code == 401


def test_malformed_requests_are_refused_at_once(api: APIClient) -> None:
    problem(later(api, ORDERS, BODY | {"lines": []}), 400, "invalid")
    problem(later(api, ORDERS, BODY, ""), 400, "idempotency_key_missing")
    assert APIClient().post(ORDERS, BODY, format="json", headers={"Prefer": "respond-async"}).status_code == 401
    assert not QueuedCommand.objects.exists()


@pytest.mark.parametrize(
    ("preference", "status"),
    [
        ("respond-async", 202),
        ("Respond-Async", 202),
        ("return=minimal, respond-async; wait=10", 202),
        ("wait=5,respond-async", 202),
        ("return=minimal", 201),
        ("no-respond-async", 201),
        ("", 201),
    ],
)
def test_preferences_are_parsed_as_the_standard_says(api: APIClient, preference: str, status: int) -> None:
    assert later(api, ORDERS, BODY, Prefer=preference).status_code == status


def test_a_customer_with_too_many_waiting_commands_is_told_to_wait(api: APIClient, ada: User, settings: Any) -> None:
    settings.COMMAND_QUEUE_EACH = 1
    later(api, ORDERS, BODY)
    full = later(api, ORDERS, BODY)
    problem(full, 429, "too_many_queued")
    assert full["Retry-After"] == "5"
    bea = client_of(make_customer("bea"))
    assert later(bea, ORDERS, BODY).status_code == 202


def test_a_full_queue_says_when_to_retry(api: APIClient, ada: User, settings: Any) -> None:
    settings.COMMAND_QUEUE_LIMIT = 1
    later(api, ORDERS, BODY)
    full = later(api, ORDERS, BODY)
    problem(full, 503, "queue_full")
    assert full["Retry-After"] == "5"
    assert send(api, ORDERS, BODY).status_code == 201, "synchronous requests still work"
