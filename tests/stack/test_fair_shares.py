"""One customer with slow servers takes only a share: the commands and views of the others keep their time."""

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest

from tests.support.running import Running
from tests.support.stack import ORDER, customer

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

SLOW_SECONDS = 7.0
ENDPOINTS, ORDERS = 10, 100
WATCHED_SECONDS = 30.0
SOON = 15.0  # much more than a command takes on a busy machine, much less than two rounds of slow answers


@contextmanager
def slow_server() -> Iterator[tuple[str, list[float]]]:
    """Run a server that answers 200 after SLOW_SECONDS. Yield its URL and the times at which it was called."""
    called: list[float] = []
    over = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            called.append(time.monotonic())
            self.rfile.read(int(self.headers["Content-Length"]))
            over.wait(SLOW_SECONDS)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", called
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def register(running: Running) -> dict[str, str]:
    """Register a new customer; return the headers of its requests."""
    login = {"username": f"slow-{uuid4().hex[:8]}", "password": f"a-{uuid4().hex}"}
    person = {"name": "Slow", "email": f"{login['username']}@example.com"}
    status, _, answer = running.call("POST", "/api/v1/auth/register", login | person)
    assert status == 201, answer
    status, _, answer = running.call("POST", "/api/v1/auth/login", login)
    assert status == 200, answer
    return {"Authorization": f"Bearer {answer['token']}"}


def place(running: Running, auth: dict[str, str], **more: str) -> tuple[dict[str, str], Any]:
    status, headers, body = running.call(
        "POST", "/api/v1/orders", ORDER, **auth, **{"Idempotency-Key": str(uuid4())}, **more
    )
    assert status in (201, 202), body
    return headers, body


def seconds_until_done(running: Running, auth: dict[str, str]) -> float:
    """Accept a command to be done later; return the seconds until it is done."""
    headers, _ = place(running, auth, Prefer="respond-async")
    began = time.monotonic()
    while running.call("GET", headers["Location"], **auth)[2]["status"] == "waiting":
        time.sleep(0.1)
    return time.monotonic() - began


def seconds_until_shown(running: Running, auth: dict[str, str]) -> float:
    """Place an order; return the seconds until the view shows it."""
    _, body = place(running, auth)
    began = time.monotonic()
    while running.call("GET", f"/api/v1/orders/{body['order_id']}?min_version=1", **auth)[0] == 503:
        pass
    return time.monotonic() - began


def test_slow_endpoints_of_one_customer_do_not_delay_the_others(running: Running) -> None:
    others, attacker = customer(running), register(running)
    with slow_server() as (url, called):
        endpoints = []
        for number in range(ENDPOINTS):
            status, _, created = running.call(
                "POST", "/api/v1/webhook-endpoints", {"url": f"{url}{number}"}, **attacker
            )
            assert status == 201, created
            endpoints.append(created["id"])
        for _ in range(ORDERS):
            place(running, attacker)
        done, shown, healthy, sent_at = [], [], [], time.monotonic()
        while time.monotonic() < sent_at + WATCHED_SECONDS:
            done.append(seconds_until_done(running, others))
            shown.append(seconds_until_shown(running, others))
            healthy.append(running.call("GET", "/healthz")[0])
            time.sleep(1)
        for endpoint_id in endpoints:
            assert running.call("DELETE", f"/api/v1/webhook-endpoints/{endpoint_id}", **attacker)[0] == 204
    figures = json.dumps(
        {
            "commands": [round(statistics.median(done), 2), round(max(done), 2)],
            "views": [round(statistics.median(shown), 2), round(max(shown), 2)],
            "healthz": sorted(set(healthy)),
            "calls": len(called),
            "rounds": len(done),
        }
    )
    print(figures)
    assert called, "the attack took place"
    assert set(healthy) == {200}, figures
    assert max(done) < SOON, figures
    assert max(shown) < SOON, figures
