"""The web server gives the application what came, sends what it answers, and stops when it is told to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ordersite.serving.conftest import Serve
from tests.support.running import ROOT, free_port
from tests.support.slow_clients import HOST, ask, attack, get

END = b"Connection: close\r\n" + HOST + b"\r\n"


def body_of(answer: bytes) -> bytes:
    """Return what follows the last headers."""
    return answer.rpartition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("size", [0, 1, 70_000, 900_000])
def test_a_body_arrives_as_it_was_sent(serve: Serve, size: int) -> None:
    body = os.urandom(size).replace(b"\r\n\r\n", b"    ").ljust(size)
    answer = ask(serve(), b"POST /body HTTP/1.1\r\nContent-Length: %d\r\n" % size + END + body)
    assert answer.startswith(b"HTTP/1.1 200")
    assert body_of(answer) == body


def test_the_environment_of_a_request(serve: Serve) -> None:
    port = serve()
    headers = b"X-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 6.6.6.6\r\nContent-Type: a/b\r\nX-Two: 1\r\nX-Two: 2\r\n"
    target = b"/environ?a=%20b"
    said = body_of(ask(port, b"GET " + target + b" HTTP/1.1\r\n" + headers + END)).decode()
    lines = said.splitlines()
    for line in (
        "PATH_INFO=/environ",
        "QUERY_STRING=a=%20b",
        "REMOTE_ADDR=127.0.0.1",
        "SERVER_PORT=" + str(port),
        "CONTENT_TYPE=a/b",
        "HTTP_X_FORWARDED_FOR=1.2.3.4",  # a name with an underscore does not pass for it
        "HTTP_X_TWO=1,2",
        "wsgi.url_scheme=http",
    ):
        assert line in lines


def test_a_path_in_any_encoding(serve: Serve) -> None:
    answer = ask(serve(), b"GET /%D0%B6/%FF HTTP/1.1\r\n" + END)
    assert body_of(answer) == b"/\xc3\x90\xc2\xb6/\xc3\xbf"  # the bytes, as WSGI writes them


@pytest.mark.parametrize(
    "request_line",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6",
        b"POST / HTTP/1.1\r\nContent-Length: -1",
        b"GET / HTTP/1.1\r\nNo colon",
        b"nonsense",
    ],
)
def test_what_is_not_http_is_refused(serve: Serve, request_line: bytes) -> None:
    assert ask(serve(), request_line + b"\r\n" + END).startswith(b"HTTP/1.1 400")


def test_a_body_longer_than_announced_is_not_a_part_of_the_request(serve: Serve) -> None:
    answer = ask(serve(), b"POST /body HTTP/1.1\r\nContent-Length: 3\r\n" + HOST + b"\r\nabcdefg")
    assert b"HTTP/1.1 400" in answer  # what follows is no request
    assert b"abcd" not in answer


def test_a_body_shorter_than_announced_is_not_given_to_the_application(serve: Serve) -> None:
    port = serve()
    with attack(port, 1, b"POST /sleep?60 HTTP/1.1\r\nContent-Length: 9\r\n" + HOST + b"\r\nabc"):
        time.sleep(0.2)
    assert body_of(ask(port, b"GET /threads HTTP/1.1\r\n" + END)) == b"1"


def test_a_body_that_is_asked_for_is_announced_first(serve: Serve) -> None:
    port = serve()
    with attack(port, 1, b"POST /body HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n" + END) as clients:
        client = clients.clients[0]
        while not client.read:
            clients.step()
        assert client.read.startswith(b"HTTP/1.1 100 Continue")
        client.socket.sendall(b"abc")
        assert clients.until_closed(30)
        assert body_of(client.read) == b"abc"


def test_requests_in_a_row_are_answered_in_order(serve: Serve) -> None:
    first = b"GET /sleep?0.5 HTTP/1.1\r\n" + HOST + b"\r\n"
    second = b"POST /body HTTP/1.1\r\nContent-Length: 2\r\n" + HOST + b"\r\nhi"
    answer = ask(serve(), first + second + b"GET /third HTTP/1.1\r\n" + END)
    assert answer.count(b"HTTP/1.1 200") == 3
    assert answer.index(b"/sleep") < answer.index(b"\r\n\r\nhi") < answer.index(b"/third")


@pytest.mark.parametrize(("wanted", "lines"), [("", 0), ("true", 1)])
def test_requests_are_logged_if_that_is_wanted(serve: Serve, tmp_path: Path, wanted: str, lines: int) -> None:
    port = serve(WEB_ACCESS_LOG=wanted)
    ask(port, b"GET /logged HTTP/1.1\r\n" + END)
    assert (tmp_path / "web.log").read_text().count('"GET /logged HTTP/1.1" 200') == lines


def test_an_application_that_fails(serve: Serve) -> None:
    port = serve()
    assert ask(port, b"GET /error HTTP/1.1\r\n" + END).startswith(b"HTTP/1.1 500")
    broken = ask(port, b"GET /broken HTTP/1.1\r\n" + END)
    assert b"the first part" in broken
    assert not broken.endswith(b"0\r\n\r\n")  # the client sees that something is missing


def test_threads_are_started_when_they_are_needed(serve: Serve) -> None:
    port = serve(WEB_THREADS="5")
    counts = [int(body_of(ask(port, b"GET /threads HTTP/1.1\r\n" + END))) for _ in range(5)]
    assert counts == [1] * 5
    with attack(port, 4, b"GET /sleep?3 HTTP/1.1\r\n" + HOST + b"\r\n"):
        time.sleep(1)
        assert int(body_of(ask(port, b"GET /threads HTTP/1.1\r\n" + END))) == 5


def test_a_process_that_dies_is_replaced(serve: Serve) -> None:
    port = serve()
    killed = int(body_of(ask(port, b"GET /pid HTTP/1.1\r\n" + END)))
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while pid_or_none(port) in (None, killed):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_process_is_replaced_after_so_many_requests(serve: Serve) -> None:
    port = serve(WEB_MAX_REQUESTS="20")
    first = pid_or_none(port)
    deadline = time.monotonic() + 60
    while pid_or_none(port) in (None, first):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def pid_or_none(port: int) -> int | None:
    """Return the process that answers, or None."""
    try:
        return int(body_of(ask(port, b"GET /pid HTTP/1.1\r\n" + END)))
    except (OSError, ValueError):
        return None


def test_a_stop_lets_a_request_end_and_does_not_wait_for_a_stream(serve: Serve) -> None:
    port = serve(WEB_STOP_SECONDS="4")
    parent = parent_of(int(body_of(ask(port, b"GET /pid HTTP/1.1\r\n" + END))))
    with (
        attack(port, 1, b"GET /sleep?2 HTTP/1.1\r\n" + HOST + b"\r\n") as request,
        attack(port, 1, b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n") as stream,
    ):
        time.sleep(0.5)
        os.kill(parent, signal.SIGTERM)
        assert request.until_closed(30)
        assert request.clients[0].status == 200
        assert stream.until_closed(30)
    with pytest.raises(OSError, match="refused"):
        get(f"http://127.0.0.1:{port}/")


def test_a_killed_parent_leaves_no_process_that_keeps_the_port(serve: Serve) -> None:
    port = serve()
    os.kill(parent_of(int(body_of(ask(port, b"GET /pid HTTP/1.1\r\n" + END)))), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while pid_or_none(port) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def parent_of(pid: int) -> int:
    """Return the parent of a process."""
    said = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(said.stdout)


@pytest.mark.parametrize("name", ["WEB_HEAD_SECONDS", "WEB_LEAST_RATE", "WEB_CONNECTIONS", "WEB_THREADS", "WEB_PORT"])
def test_a_limit_that_makes_no_sense_is_named(name: str) -> None:
    command = [sys.executable, "-m", "ordersite.serving"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, name: "soon"}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert f"{name} is 'soon': use a" in done.stderr


def test_an_application_that_does_not_load_ends_the_server(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ordersite.serving", "--port", str(free_port()), "tests.support.nothing:application"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode
    assert "the web application cannot be loaded" in done.stderr
