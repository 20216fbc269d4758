"""The running site behind nginx and Caddy, with the configurations of deploy/, attacked through the proxy."""

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.proxies import Proxy, each_proxy
from tests.support.running import Running
from tests.support.slow_clients import SLOW_BODY, attack
from tests.support.stack import ORDER

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

SOON = 120  # seconds; nginx cuts off after 10, Caddy a body after 60
FASTER = 8  # seconds within which others are answered
ATTEMPTS = 8  # to log in, from one address in a minute
HEADER = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A site that trusts one proxy."""
    more = {"NUM_PROXIES": "1", "LOGIN_RATE": f"{ATTEMPTS}/min"}
    running = Running(tmp_path_factory.mktemp("behind a proxy") / "state", more=more).start()
    yield running
    running.stop()


@pytest.fixture(params=each_proxy)
def proxy(request: Any, behind: Running, tmp_path: Path) -> Iterator[Proxy]:
    """A proxy in front of that site."""
    proxy = Proxy(request.param, to=behind.port, folder=tmp_path / "a proxy").start()
    yield proxy
    proxy.stop()


class Browser:
    """A client with an address of its own, which asks through the proxy."""

    def __init__(self, proxy: Proxy, address: str) -> None:
        self.connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=30)
        self.connection.sock = proxy.connect(address)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request. Return status and body."""
        content = None if body is None else json.dumps(body)
        self.connection.request(method, path, content, {"Content-Type": "application/json"} | headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


@pytest.mark.parametrize(("first", "drip"), [(SLOW_BODY, b""), (HEADER, b"a"), (HEADER, b"")])
def test_slow_clients_hold_nobody_up(proxy: Proxy, first: bytes, drip: bytes) -> None:
    def others_are_answered() -> None:
        began = time.monotonic()
        browser = Browser(proxy, "127.0.0.9")
        assert browser.call("GET", "/healthz")[0] == 200
        browser.connection.close()
        assert time.monotonic() - began < FASTER

    with attack(proxy.port, 40, first, drip=drip, connect=proxy.connect) as clients:
        assert clients.until_closed(SOON, others_are_answered), f"{len(clients.open)} are open"


def test_a_body_that_drips_holds_no_thread(proxy: Proxy) -> None:
    with attack(proxy.port, 60, SLOW_BODY, drip=b"a", connect=proxy.connect) as clients:
        for _ in range(20):
            clients.step()
            began = time.monotonic()
            assert Browser(proxy, "127.0.0.9").call("GET", "/healthz")[0] == 200
            assert time.monotonic() - began < FASTER
            time.sleep(0.2)


def test_a_client_cannot_pretend_another_address(proxy: Proxy) -> None:
    attacker = f"127.0.{len(proxy.name)}.66"
    wrong = {"username": "nobody", "password": "wrong"}
    statuses = []
    for number in range(ATTEMPTS + 2):
        pretended = {"X-Forwarded-For": f"192.0.2.{number}", "X_Forwarded_For": f"192.0.2.{number}"}
        named = wrong | {"username": f"{proxy.name}-{number}"}
        statuses.append(Browser(proxy, attacker).call("POST", "/api/v1/auth/login", named, **pretended)[0])
    assert statuses[-1] == 429  # the attempts of one address were counted together
    other = Browser(proxy, f"127.0.{len(proxy.name)}.67")
    right = {"username": "customer", "password": "demo-customer"}
    assert other.call("POST", "/api/v1/auth/login", right)[0] == 200  # and those of another address apart


def test_events_are_sent_on_at_once(proxy: Proxy, behind: Running) -> None:
    auth = {"Authorization": f"Bearer {behind.logins()['customer_token']}"}
    listener = Browser(proxy, "127.0.0.5").connection
    listener.request("GET", "/api/v1/events/stream", headers=auth | {"Accept": "text/event-stream"})
    answer = listener.getresponse()
    assert answer.status == 200
    key = {"Idempotency-Key": str(uuid4())}
    status, placed = Browser(proxy, "127.0.0.6").call("POST", "/api/v1/orders", ORDER, **auth, **key)
    assert status == 201
    deadline = time.monotonic() + 12  # a stream is open for a minute, and only its end would empty a buffer
    data = b""
    while placed["order_id"].encode() not in data:
        data = answer.readline()
        assert time.monotonic() < deadline
    listener.close()
