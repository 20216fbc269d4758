"""The running site behind nginx and Caddy, with the configurations of deploy/, attacked through the proxy."""

import http.client
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
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
JSON = {"Content-Type": "application/json"}
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
        if proxy.name == "caddy":  # it has a deadline for a whole body; nginx has one for each part only
            assert clients.until_closed(SOON), f"{len(clients.open)} are open"


def test_a_client_cannot_pretend_another_address(proxy: Proxy) -> None:
    require_own_addresses(proxy, f"127.0.{len(proxy.name)}")


def require_own_addresses(proxy: Proxy, network: str) -> None:
    """Try to log in from one address that pretends to be many. `network` is that of the clients."""
    wrong = {"username": "nobody", "password": "wrong"}
    statuses = []
    path = f"{proxy.below}/api/v1/auth/login"
    for number in range(ATTEMPTS + 2):
        pretended = {"X-Forwarded-For": f"192.0.2.{number}", "X_Forwarded_For": f"192.0.2.{number}"}
        named = wrong | {"username": f"{proxy.name}-{number}"}
        statuses.append(Browser(proxy, f"{network}.66").call("POST", path, named, **pretended)[0])
    assert statuses[-1] == 429  # the attempts of one address were counted together
    other = Browser(proxy, f"{network}.67")
    right = {"username": "customer", "password": "demo-customer"}
    assert other.call("POST", path, right)[0] == 200  # and those of another address apart


def test_events_are_sent_on_at_once(proxy: Proxy, behind: Running) -> None:
    auth = {"Authorization": f"Bearer {behind.logins()['customer_token']}"}
    require_events_at_once(proxy, auth)


def require_events_at_once(proxy: Proxy, auth: dict[str, str]) -> None:
    """Place an order while a stream is open, and read it from the stream."""
    listener = Browser(proxy, "127.0.0.5").connection
    path = f"{proxy.below}/api/v1/events/stream"
    listener.request("GET", path, headers=auth | {"Accept": "text/event-stream"})
    answer = listener.getresponse()
    assert answer.status == 200
    key = {"Idempotency-Key": str(uuid4())}
    status, placed = Browser(proxy, "127.0.0.6").call("POST", f"{proxy.below}/api/v1/orders", ORDER, **auth, **key)
    assert status == 201
    deadline = time.monotonic() + 12  # a stream is open for a minute, and only its end would empty a buffer
    data = b""
    while placed["order_id"].encode() not in data:
        data = answer.readline()
        assert time.monotonic() < deadline
    listener.close()


# --- below a path -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A site below /shop that trusts one proxy."""
    more = {"NUM_PROXIES": "1", "LOGIN_RATE": f"{ATTEMPTS}/min", "FORCE_SCRIPT_NAME": "/shop"}
    running = Running(tmp_path_factory.mktemp("below a path") / "state", more=more).start()
    yield running
    running.stop()


@pytest.fixture(params=[False, True], ids=["passed on", "removed"])
def sub_path(request: Any, proxy_name: str, below: Running, tmp_path: Path) -> Iterator[Proxy]:
    """A proxy in front of that site, which passes the path on or removes it."""
    folder = tmp_path / "a proxy"
    proxy = Proxy(proxy_name, to=below.port, folder=folder, below="/shop", removes=request.param).start()
    yield proxy
    proxy.stop()


@pytest.fixture(params=each_proxy)
def proxy_name(request: Any) -> str:
    return str(request.param)


def test_the_site_works_below_a_path(sub_path: Proxy, below: Running) -> None:
    pages = Browser(sub_path, "127.0.0.7").connection

    def get(path: str) -> tuple[int, Any, str]:
        pages.request("GET", path)
        answer = pages.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    status, headers, _ = get("/shop/admin/")
    assert (status, headers["Location"]) == (302, "/shop/admin/login/?next=/shop/admin/")
    status, headers, page = get("/shop/admin/login/")
    assert (status, "Path=/shop" in str(headers["Set-Cookie"])) == (200, True)
    links = re.findall(r'(?:href|src)="(/[^"]*)"', page)
    assert links
    assert [link for link in links if not link.startswith("/shop/")] == []
    assert {get(link)[0] for link in links if "/static/" in link} == {200}

    auth = {"Authorization": f"Bearer {below.logins()['customer_token']}"}
    browser = Browser(sub_path, "127.0.0.8")
    key = {"Idempotency-Key": str(uuid4())}
    browser.connection.request("POST", "/shop/api/v1/orders", json.dumps(ORDER), auth | key | JSON)
    answer = browser.connection.getresponse()
    assert (answer.status, answer.read()[:1]) == (201, b"{")
    place = urlsplit(answer.headers["Location"])
    assert place.path.startswith("/shop/api/v1/orders/")
    assert browser.call("GET", f"{place.path}?{place.query}", **auth)[0] == 200
    status, problem = browser.call("GET", "/shop/api/v1/nowhere", **auth)
    assert (status, problem["code"]) == (404, "not_found")
    assert browser.call("GET", "/shop/healthz")[0] == 200


def test_below_a_path_a_client_cannot_pretend_another_address(sub_path: Proxy) -> None:
    require_own_addresses(sub_path, f"127.{1 + sub_path.removes}.{len(sub_path.name)}")


def test_below_a_path_events_are_sent_on_at_once(sub_path: Proxy, below: Running) -> None:
    require_events_at_once(sub_path, {"Authorization": f"Bearer {below.logins()['customer_token']}"})


def test_below_a_path_slow_bodies_hold_nobody_up(sub_path: Proxy) -> None:
    slow = SLOW_BODY.replace(b"POST /api", b"POST /shop/api")
    with attack(sub_path.port, 60, slow, drip=b"a", connect=sub_path.connect) as clients:
        for _ in range(10):
            clients.step()
            began = time.monotonic()
            assert Browser(sub_path, "127.0.0.9").call("GET", "/shop/healthz")[0] == 200
            assert time.monotonic() - began < FASTER
            time.sleep(0.2)
