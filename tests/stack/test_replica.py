"""Reads on a real streaming replica: they use it, stay correct when it lags, and continue when it dies."""

import http.cookiejar
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from ordersite.devstack.servers import Services
from ordersite.middleware.replicas import WROTE
from tests.support.replica import Replica
from tests.support.running import Running
from tests.support.stack import ORDER, customer

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


@dataclass
class Site:
    """A running site with a replica, and a customer's headers."""

    running: Running
    replica: Replica
    auth: dict[str, str]

    def post(self, path: str, body: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"}
        status, _, answer = self.running.call("POST", path, body, **self.auth, **headers)
        assert status in (200, 201), answer
        return answer

    def place(self) -> str:
        order_id: str = self.post("/api/v1/orders", ORDER)["order_id"]
        return order_id

    def pay(self, order_id: str) -> None:
        self.post(f"/api/v1/orders/{order_id}/payments", {"amount": "19.90", "payment_method": "card"})

    def one(self, order_id: str, *, min_version: int) -> Any:
        status, _, order = self.running.call("GET", f"/api/v1/orders/{order_id}?min_version={min_version}", **self.auth)
        assert status == 200, order
        return order

    def payments_in_list(self) -> dict[str, str]:
        """Return the payment status of each order in the customer's list, which may lag."""
        status, _, page = self.running.call("GET", "/api/v1/orders?limit=100", **self.auth)
        assert status == 200, page
        return {order["order_id"]: order["payment"] for order in page["results"]}

    def wait_until_listed(self, order_id: str, status: str) -> None:
        deadline = time.monotonic() + 30
        while self.payments_in_list().get(order_id) != status:
            assert time.monotonic() < deadline, f"{order_id} is never listed as {status}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("replicated") / "its state"
    services = Services(state)
    services.start({"postgres"})
    replica = Replica(services).make()
    running = Running(state, more={"DATABASE_REPLICA_URLS": replica.url})
    try:
        running.start()
        yield Site(running, replica, customer(running))
    finally:
        if running.process and running.process.poll() is None:
            running.stop()
        replica.remove()
        services.stop({"postgres"})


@pytest.fixture(autouse=True)
def _follows(site: Site) -> Iterator[None]:
    """Make the replica follow the primary again after each test."""
    yield
    if site.replica.ask("SELECT 1") is None:
        site.replica.start()
    site.replica.ask("SELECT pg_wal_replay_resume()")


def test_lists_come_from_the_replica_and_a_min_version_is_kept_although_it_lags(site: Site) -> None:
    order_id = site.place()
    site.wait_until_listed(order_id, "unpaid")
    site.replica.ask("SELECT pg_wal_replay_pause()")
    site.pay(order_id)
    assert site.one(order_id, min_version=2)["payment"] == "paid"
    assert site.payments_in_list()[order_id] == "unpaid", "the list did not come from the replica"
    site.replica.ask("SELECT pg_wal_replay_resume()")
    site.wait_until_listed(order_id, "paid")


def test_staff_see_an_order_as_it_is_although_the_replica_lags(site: Site) -> None:
    order_id = site.place()
    site.wait_until_listed(order_id, "unpaid")
    staff = Staff(site.running)
    site.replica.ask("SELECT pg_wal_replay_pause()")
    site.pay(order_id)
    site.one(order_id, min_version=2)
    later = site.place()
    staff.forget_recent_change()
    assert "This page is behind" not in staff.page_of(order_id, version=2)
    assert "This page is behind" not in staff.page_of(later, version=1), "the replica has no such row"
    assert later not in staff.get("/admin/projections/stafforder/"), "the list did not come from the replica"


def test_staff_who_changed_something_a_moment_ago_read_the_primary(site: Site) -> None:
    order_id = site.place()
    site.replica.ask("SELECT pg_wal_replay_pause()")
    site.pay(order_id)
    site.one(order_id, min_version=2)
    assert order_id in Staff(site.running).get("/admin/projections/stafforder/")


def test_readers_do_not_notice_that_the_replica_died(site: Site) -> None:
    order_id = site.place()
    site.wait_until_listed(order_id, "unpaid")
    site.replica.kill()
    site.pay(order_id)
    site.one(order_id, min_version=2)
    for _ in range(30):
        assert site.payments_in_list()[order_id] == "paid", "the primary has to answer now"


class Staff:
    """A browser session of staff, with cookies."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.cookies = http.cookiejar.CookieJar()
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        page = self.get("/admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        login = running.logins()["logins"]["staff"]
        form = {"csrfmiddlewaretoken": token[1], **login, "next": "/admin/password_change/"}
        request = urllib.request.Request(
            f"{running.site}/admin/login/", urllib.parse.urlencode(form).encode(), {"Referer": running.site}
        )
        self.browser.open(request)

    def page_of(self, order_id: str, *, version: int) -> str:
        """Return the order's page, once the primary shows this version."""
        deadline = time.monotonic() + 30
        while f'data-version="{version}"' not in (
            page := self.get(f"/admin/projections/stafforder/{order_id}/change/")
        ):
            assert time.monotonic() < deadline, f"{order_id} never shows version {version}"
            time.sleep(0.05)
        return page

    def forget_recent_change(self) -> None:
        """Delete the cookie that marks a recent change; a login is a change too."""
        self.cookies.clear("127.0.0.1", "/", WROTE)

    def get(self, path: str) -> str:
        with self.browser.open(self.running.site + path) as answer:
            return str(answer.read().decode())
