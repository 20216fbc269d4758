"""One client has a share of the threads of a web process: its own requests wait, and those of others do not."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import RequestFactory

from ordersite.devstack.processes import wait_until
from ordersite.handler import Handler
from ordersite.serving import server
from ordersite.serving.clients import OWNER, REFUSED, TOO_MANY, Client, Clients
from ordersite.serving.threads import Threads
from tests.ordersite.serving.conftest import Serve
from tests.support.api import problem

SECONDS = 60  # far more than a busy machine needs
Ask = Callable[..., int]


class Requests:
    """Requests that are sent at the same time, and the status of each that was answered."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered: list[int] = []
        self._threads: list[threading.Thread] = []

    def ask(self, path: str, token: str = "", place: str = "here") -> int:
        """Send a request, and return the status of its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("GET", path, headers={"X-Place": place, **({"X-Token": token} if token else {})})
        status = connection.getresponse().status
        connection.close()
        return status

    def hold(self, number: int, token: str = "", place: str = "here") -> None:
        """Send so many requests that are answered when they are released."""
        for _ in range(number):
            thread = threading.Thread(target=lambda: self.answered.append(self.ask("/hold", token, place)))
            thread.start()
            self._threads.append(thread)

    def wait(self) -> None:
        for thread in self._threads:
            thread.join(SECONDS)


@contextmanager
def site(serve: Serve, **more: str) -> Iterator[Requests]:
    """Run the site with six threads, two for each client. At the end all requests are released."""
    variables = {"WEB_THREADS": "6", "WEB_THREADS_EACH": "2", **more}
    requests = Requests(serve("shared_application", **variables))
    try:
        yield requests
    finally:
        assert requests.ask("/release", place="elsewhere") == 200
        requests.wait()


def test_one_account_does_not_take_the_threads_of_others(serve: Serve) -> None:
    with site(serve) as requests:
        for token in ("ada-1", "bob-1"):
            assert requests.ask("/", token) == 200  # from now on the server knows whose it is
        requests.hold(20, "ada-1")
        assert [requests.ask("/", "bob-1") for _ in range(5)] == [200] * 5
        assert requests.ask("/") == 200, "nor those of people who are not logged in"
        assert requests.answered == []
    assert requests.answered == [200] * 20, "they were only waiting"


def test_an_account_with_many_tokens_is_one_client(serve: Serve) -> None:
    with site(serve) as requests:
        tokens = [f"ada-{number}" for number in range(10)]
        assert {requests.ask("/", token) for token in [*tokens, "bob-1"]} == {200}
        for token in tokens:
            requests.hold(1, token)
        assert requests.ask("/", "bob-1") == 200
        assert requests.answered == []


def test_new_tokens_and_no_tokens_count_for_their_address(serve: Serve) -> None:
    with site(serve) as requests:
        assert requests.ask("/", "bob-1") == 200
        requests.hold(5)
        for number in range(5):
            requests.hold(1, f"new-{number}")
        assert requests.ask("/", "bob-1") == 200, "at the same address"
        assert requests.ask("/", place="there") == 200


def test_accounts_at_one_address_leave_threads_for_other_addresses(serve: Serve) -> None:
    with site(serve) as requests:
        accounts = [f"account{number}-1" for number in range(5)]
        assert {requests.ask("/", token) for token in accounts} == {200}
        for token in accounts:
            requests.hold(3, token)
        assert requests.ask("/", place="there") == 200
        assert requests.answered == []


def test_too_many_waiting_requests_are_refused_and_no_others(serve: Serve) -> None:
    with site(serve, WEB_WAITING_EACH="3") as requests:
        for token in ("ada-1", "bob-1"):
            assert requests.ask("/", token) == 200
        requests.hold(9, "ada-1")
        wait_until(lambda: len(requests.answered) == 4, "9 requests: 2 threads, 3 that wait, 4 refused")
        assert set(requests.answered) == {429}
        assert requests.ask("/", "bob-1") == 200
    assert sorted(requests.answered) == [200] * 5 + [429] * 4


def test_clients_take_turns() -> None:
    threads, order, free, done = Threads(1, each=1), [], threading.Event(), threading.Event()
    threads.submit(lambda: (free.wait(SECONDS), None)[1], Client("first", "x"))
    for number in range(3):
        for name in ("ada", "bob") if number else ("ada", "ada", "bob"):
            threads.submit(lambda name=name: order.append(name), Client(name, "x"))  # type: ignore[misc]
    threads.submit(done.set, Client("last", "x"))
    for _ in range(9):
        threads.submit(lambda: None, Client("ada", "x"))
    free.set()
    assert done.wait(SECONDS)
    assert order[:4] == ["ada", "bob", "ada", "bob"]


@pytest.mark.parametrize("seed", range(5))
def test_every_job_is_run_and_no_share_is_exceeded(seed: int) -> None:
    threads, lock = Threads(6, each=2), threading.Lock()
    running: dict[str, int] = {}
    most: dict[str, int] = {}
    left = 300
    done = threading.Event()

    def job(client: Client) -> Callable[[], None]:
        def run() -> None:
            nonlocal left
            with lock:
                for name in (client.account, client.address):
                    running[name] = running.get(name, 0) + 1
                    most[name] = max(most.get(name, 0), running[name])
            time.sleep(0.0002)
            with lock:
                left -= 1
                for name in (client.account, client.address):
                    running[name] -= 1
            if not left:
                done.set()

        return run

    for number in range(300):
        client = Client(f"account {(number * 7 + seed) % 5}", f"place {(number * 3 + seed) % 2}")
        threads.submit(job(client), client)
    assert done.wait(SECONDS), "a job was never run"
    assert max(count for name, count in most.items() if name.startswith("account")) <= 2
    assert max(count for name, count in most.items() if name.startswith("place")) <= 4
    assert threads.waiting(Client("account 1", "")) == 0


@pytest.mark.parametrize(
    ("variables", "share"),
    [({}, 4), ({"WEB_THREADS": "1"}, 4), ({"WEB_THREADS": "22"}, 10), ({"EVENT_STREAMS": "0"}, 1),
     ({"EVENT_STREAMS_EACH": "5"}, 7), ({"WEB_THREADS_EACH": "3"}, 3)],
)  # fmt: skip
def test_a_share_is_a_third_and_leaves_room_beside_streams(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], share: int
) -> None:
    for name in ("WEB_THREADS", "EVENT_STREAMS", "EVENT_STREAMS_EACH", "WEB_THREADS_EACH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert server._each(server._threads()) == share


def test_credentials_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordersite.serving.clients.REMEMBERED", 2)
    clients = Clients(credential_of=lambda environ: environ["TOKEN"], address_of=lambda environ: "here")
    for token in ("a", "b", "c"):
        clients.learn({"TOKEN": token, OWNER: token})
    clients.learn({"TOKEN": "d"})
    assert [clients.client_of({"TOKEN": token}).account for token in ("a", "b", "c", "d")] == ["", "b", "c", ""]


# --- the site's side --------------------------------------------------------------------------------------------------


def call(handler: Handler, path: str = "/api/v1/me", **more: Any) -> tuple[str, dict[str, Any]]:
    """Call the application as the web server does; return the status and the environment."""
    environ = RequestFactory().get(path).environ | more
    status: list[str] = []
    answer: Any = handler(environ, lambda line, headers: status.append(line))  # type: ignore[arg-type]
    answer.close()
    return status[0], environ


def test_the_site_says_whose_a_token_is(api: Any) -> None:
    handler = Handler()
    header = api._credentials["HTTP_AUTHORIZATION"]
    known = handler.clients.client_of
    status, environ = call(handler, HTTP_AUTHORIZATION=header)
    assert (status, known(environ).account) == ("200 OK", "")
    handler.clients.learn(environ)
    token = header.split()[-1]
    for other in (f"Token {token}", f"  bearer   {token} "):  # the same client, however the header is written
        assert known(environ | {"HTTP_AUTHORIZATION": other}).account == environ[OWNER]
    _, wrong = call(handler, HTTP_AUTHORIZATION="Bearer " + "a" * 64)
    handler.clients.learn(wrong)
    assert known(wrong) == Client("", "127.0.0.1")
    assert OWNER not in wrong


def test_the_site_says_whose_a_session_is(log_in: Any) -> None:
    handler, cookie = Handler(), f"x=1; sessionid={log_in().cookies['sessionid'].value}"
    _, environ = call(handler, "/admin/", HTTP_COOKIE=cookie)
    handler.clients.learn(environ)
    assert handler.clients.client_of(environ).account == environ[OWNER] != ""
    assert handler.clients.client_of(environ | {"HTTP_COOKIE": ""}).account == ""


@pytest.mark.django_db
def test_the_site_refuses_what_the_server_marks(client: Any) -> None:
    refused = client.get("/api/v1/me", **{TOO_MANY: True})
    problem(refused, 429, "too_many_at_once")
    assert refused["Retry-After"] == "2"
    page = client.get("/admin/login/", **{TOO_MANY: True})
    assert (page.status_code, page["Retry-After"]) == (429, "2")
    assert "Wait a minute" in page.content.decode()
    assert client.get("/api/v1/me", headers={"ordersite.too-many": "1"}).status_code == 401
    assert REFUSED.name != Client("", "refused").name, "no address is counted with them"
