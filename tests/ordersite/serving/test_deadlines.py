"""No client holds a thread of the web server, and each thing that it can hold back has a deadline.

The limits are those of `QUICK`: 2 threads, and 2 seconds for almost everything.
"""

import contextlib
import select
import socket
import time

import pytest

from tests.ordersite.serving.conftest import Serve
from tests.support.slow_clients import HOST, Attack, ask, attack, get, until_closed

POST = b"POST /body HTTP/1.1\r\n" + HOST
SOON = 30  # seconds, also on a busy machine; without its deadline each of these connections stays open for ever
FASTER = 3  # seconds within which others are answered

KINDS = {
    "nothing at all": (b"", b"", 0),
    "half of a request line": (b"GET /", b"", 408),
    "a header, a byte at a time": (b"GET / HTTP/1.1\r\nX: ", b"a", 408),
    "blank lines": (b"", b"\r\n", 0),
    "one byte of a body": (POST + b"Content-Length: 1000\r\n\r\n{", b"", 408),
    "no byte of a body": (POST + b"Content-Length: 1000\r\n\r\n", b"", 408),
    "a body, a byte at a time": (POST + b"Content-Length: 1000\r\n\r\n{", b"a", 408),
    "a body that was to be asked for": (POST + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n", b"", 408),
    "a body in chunks, after the answer": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", 200),
    "a body that is too long, after the answer": (POST + b"Content-Length: 99999999\r\n\r\n", b"a", 200),
    "no second request": (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", b"", 200),
    "blank lines after a request": (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", b"\r\n", 200),
    "a second request, a byte at a time": (b"GET / HTTP/1.1\r\n" + HOST + b"\r\nG", b"", 408),
    "an end of chunks, and then nothing": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"", 200),
}


def others_are_answered(port: int) -> None:
    """Fail if somebody else has to wait."""
    status, seconds = get(f"http://127.0.0.1:{port}/other")
    assert status == 200
    assert seconds < FASTER


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_holds_back(serve: Serve, kind: str) -> None:
    first, drip, status = KINDS[kind]
    port = serve()
    with attack(port, 20, first, drip=drip) as clients:
        assert clients.until_closed(SOON, lambda: others_are_answered(port)), f"{len(clients.open)} are open"
        assert {each.status for each in clients.clients} == {status}


@pytest.mark.parametrize("path", [b"/big", b"/file"])
def test_a_client_that_does_not_read(serve: Serve, path: bytes) -> None:
    port = serve()
    with contextlib.ExitStack() as after:
        clients = [after.enter_context(socket.socket()) for _ in range(10)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        deadline = time.monotonic() + SOON
        while not all(is_cut_off(client) for client in clients):
            others_are_answered(port)
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert len(until_closed(clients[0])) < 16_000_000  # the kernel too gave up what it still had to send


def is_cut_off(client: socket.socket) -> bool:
    """Return whether the server has reset the connection; nothing is read."""
    poll = select.poll()
    poll.register(client, select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def test_a_reader_that_is_not_slow_gets_all(serve: Serve) -> None:
    port = serve()
    for path in (b"/big", b"/file"):
        answer = ask(port, b"GET " + path + b" HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        assert len(answer.partition(b"\r\n\r\n")[2]) == 16_000_000


def test_a_slow_body_at_a_fair_rate_is_taken(serve: Serve) -> None:
    port = serve(WEB_LEAST_RATE="100")
    with socket.create_connection(("127.0.0.1", port), timeout=SOON) as client:
        client.sendall(POST + b"Connection: close\r\nContent-Length: 3000\r\n\r\n")
        for _ in range(30):  # 5 seconds, longer than any pause that is allowed
            client.sendall(b"x" * 100)
            time.sleep(0.17)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_body_at_a_fair_rate_has_an_end_too(serve: Serve) -> None:
    port = serve(WEB_LEAST_RATE="1", WEB_BODY_SECONDS="3")
    with attack(port, 3, POST + b"Content-Length: 900000\r\n\r\n", drip=b"abcdefghij") as clients:
        assert clients.until_closed(SOON)
        assert {each.status for each in clients.clients} == {408}


def test_more_connections_than_are_allowed_cost_those_that_wait(serve: Serve) -> None:
    port = serve(WEB_CONNECTIONS="20", WEB_HEAD_SECONDS="600")
    with attack(port, 100, b"") as idle:
        others_are_answered(port)
        idle.step()
        assert len(idle.open) <= 20
        with attack(port, 1, b"GET /sleep?3 HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n") as busy:
            time.sleep(0.5)
            with attack(port, 60, b""):
                assert busy.until_closed(SOON)
            assert busy.clients[0].status == 200


def test_headers_without_an_end_are_refused(serve: Serve) -> None:
    port = serve(WEB_HEAD_SECONDS="60")
    endless = b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(200))
    with attack(port, 1, endless) as clients:
        assert clients.until_closed(SOON)
        assert clients.clients[0].status == 431


def test_a_client_that_goes_away_frees_its_thread(serve: Serve) -> None:
    port = serve()
    for _ in range(6):  # more than there are threads
        with attack(port, 1, b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n") as clients:
            wait_for_answer(clients)
    deadline = time.monotonic() + SOON
    while ask(port, b"GET /finished HTTP/1.0\r\n\r\n").count(b"/stream") < 6:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wait_for_answer(clients: Attack) -> None:
    """Wait until each client has read something."""
    deadline = time.monotonic() + SOON
    while not all(each.read for each in clients.clients):
        assert time.monotonic() < deadline
        clients.step()
        time.sleep(0.05)


def test_a_request_whose_client_left_while_it_waited_is_not_begun(serve: Serve) -> None:
    port = serve(WEB_THREADS="1")
    with attack(port, 1, b"GET /sleep?2 HTTP/1.1\r\n" + HOST + b"\r\n"):
        time.sleep(0.3)
        with attack(port, 5, b"GET /sleep?20 HTTP/1.1\r\n" + HOST + b"\r\n"):
            time.sleep(0.3)
        assert get(f"http://127.0.0.1:{port}/", timeout=15)[0] == 200
