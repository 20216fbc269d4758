"""Event streams and webhooks of a running site, with real sockets and a real worker, and with all streams in use."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.support.running import Running
from tests.support.stack import ORDER, customer
from tests.support.webhook_receiver import receiving

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

STREAM = "/api/v1/events/stream"


class Listener:
    """A client of the event stream, with one connection."""

    def __init__(self, running: Running, auth: dict[str, str], last: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
        headers = auth | {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        self.connection.request("GET", STREAM, headers=headers)
        self.answer = self.connection.getresponse()
        self.last = last

    def messages(self) -> Iterator[dict[str, str]]:
        """Yield the fields of each message, and remember the last id."""
        message: dict[str, str] = {}
        while line := self.answer.readline().decode():
            if line == "\n":
                self.last = message.get("id", self.last)
                yield message
                message = {}
            else:
                name, _, value = line.rstrip("\n").partition(": ")
                message[name] = value

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def place(running: Running, auth: dict[str, str]) -> str:
    """Place an order and return its id."""
    key = {"Idempotency-Key": str(uuid4())}
    status, _, placed = running.call("POST", "/api/v1/orders", ORDER, **auth, **key)
    assert status == 201
    return str(placed["order_id"])


def test_a_client_that_is_cut_off_and_comes_back_gets_each_event_once_and_soon(running: Running) -> None:
    auth = customer(running)
    listener = Listener(running, auth)
    assert (listener.answer.status, listener.answer.headers["Content-Type"]) == (200, "text/event-stream")
    messages = listener.messages()
    hello = next(messages)
    assert set(hello) == {"retry", "id"}
    began = time.monotonic()
    orders = [place(running, auth)]
    got = [json.loads(next(messages)["data"])]
    assert time.monotonic() - began < 3
    for number in range(12):
        orders.append(place(running, auth))
        if number % 4 == 0:  # cut off at any moment, with events on their way
            listener.close()
            orders.append(place(running, auth))
            listener = Listener(running, auth, listener.last)
            messages = listener.messages()
            assert next(messages)["id"] == listener.last
        message = next(each for each in messages if "data" in each)
        got.append(json.loads(message["data"]))
    while len(got) < len(orders):
        got.append(json.loads(next(each for each in messages if "data" in each)["data"]))
    listener.close()
    assert [event["order_id"] for event in got] == orders
    status, _, page = running.call("GET", f"/api/v1/events?after={hello['id']}", **auth)
    assert (status, page["results"]) == (200, got)


def test_the_api_answers_while_all_streams_are_in_use(running: Running) -> None:
    site = Running(running.state.parent / "few streams", more={"EVENT_STREAMS": "2", "EVENT_STREAMS_EACH": "99"})
    site.start()
    try:
        auth = customer(site)
        listeners, refused = [], 0
        for _ in range(40):
            listener = Listener(site, auth)
            if listener.answer.status == 200:
                next(listener.messages())
                listeners.append(listener)
            else:
                refused += 1
                assert listener.answer.status == 429
                assert listener.answer.headers["Retry-After"] == "5"
                assert json.loads(listener.answer.read())["code"] == "too_many_streams"
                listener.close()
        assert len(listeners) == 4, "two in each of two processes"
        assert refused == 36
        seconds = []
        for _ in range(20):
            began = time.monotonic()
            assert site.call("GET", "/api/v1/orders?limit=1", **auth)[0] == 200
            seconds.append(time.monotonic() - began)
        assert max(seconds) < 2
        for listener in listeners:
            listener.close()
        assert _becomes_free(site, auth), "a stream of a closed client becomes free"
    finally:
        assert site.stop() == 0


def _becomes_free(site: Running, auth: dict[str, str]) -> bool:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        listener = Listener(site, auth)
        status = listener.answer.status
        listener.close()
        if status == 200:
            return True
        time.sleep(0.5)
    return False


def test_a_running_site_sends_webhooks_by_itself_and_tries_again(running: Running) -> None:
    auth = customer(running)
    with receiving() as receiver:
        receiver.answers = [503]
        status, _, endpoint = running.call("POST", "/api/v1/webhook-endpoints", {"url": receiver.url}, **auth)
        assert status == 201
        path = f"/api/v1/webhook-endpoints/{endpoint['id']}"
        order_id = place(running, auth)
        deadline = time.monotonic() + 60
        while len(receiver.got) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        first, second = receiver.messages(endpoint["secret"])
        assert first == second
        assert (second["type"], second["data"]["order_id"]) == ("order.created", order_id)
        delivery: dict[str, Any] = _delivered(running, path, auth)
        assert [attempt["status"] for attempt in delivery["attempts"]] == [503, 200]
        assert running.call("POST", f"{path}/test", **auth)[0] == 202
        deadline = time.monotonic() + 20
        while len(receiver.got) < 3 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert receiver.messages(endpoint["secret"])[2]["type"] == "webhook.test"
        assert running.call("DELETE", path, **auth)[0] == 204


def _delivered(running: Running, path: str, auth: dict[str, str]) -> dict[str, Any]:
    """Return the only delivery, once its answer is recorded."""
    deadline = time.monotonic() + 10
    while True:
        (delivery,) = running.call("GET", f"{path}/deliveries", **auth)[2]["results"]
        if delivery["status"] == "delivered" or time.monotonic() > deadline:
            return dict(delivery)
        time.sleep(0.1)
