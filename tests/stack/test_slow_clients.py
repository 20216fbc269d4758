"""The running site, with its default limits, while clients without a login hold back what it waits for."""

from uuid import uuid4

import pytest

from tests.support.running import Running
from tests.support.slow_clients import SLOW_BODY, attack, get
from tests.support.stack import ORDER, customer

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

SOON = 60  # seconds: the slowest is cut off after 12, if the machine is not busy
FASTER = 5  # seconds within which others are answered; a thread that is held is held for much longer

BYTE_OF_A_BODY = (SLOW_BODY, b"", 408)
KINDS = {
    "30 bodies of one byte": (30, *BYTE_OF_A_BODY),
    "300 bodies of one byte": (300, *BYTE_OF_A_BODY),  # the web server has 24 threads
    "30 bodies, a byte at a time": (30, SLOW_BODY, b"a", 408),
    "30 headers, a byte at a time": (30, b"GET /healthz HTTP/1.1\r\nX: ", b"a", 408),
    "30 times nothing": (30, b"", b"", 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_hold_nobody_up(running: Running, kind: str) -> None:
    count, first, drip, status = KINDS[kind]
    auth = customer(running)
    answered = []

    def others_are_answered() -> None:
        health, seconds = get(f"{running.site}/healthz")
        answered.append(seconds)
        assert (health, seconds < FASTER) == (200, True)
        assert running.call("GET", "/api/v1/orders", **auth)[0] == 200

    with attack(running.port, count, first, drip=drip) as clients:
        assert clients.until_closed(SOON, others_are_answered), f"{len(clients.open)} of {count} are open"
        assert {each.status for each in clients.clients} == {status}
    assert answered
    assert running.call("POST", "/api/v1/orders", ORDER, **auth, **{"Idempotency-Key": str(uuid4())})[0] == 201


def test_a_page_that_is_sent_too_much_says_so(running: Running) -> None:
    head = b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n"
    with attack(running.port, 1, head) as clients:
        assert clients.until_closed(SOON)
    assert clients.clients[0].status == 413
    assert b"Too much was sent at once" in clients.clients[0].read
