"""The whole site behind PgBouncer in transaction mode, in a schema that is not `public`."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest

from ordersite.devstack.servers import Services
from projections.engine.projection import PROJECTIONS
from tests.support.pooler import Pooler, needs_pgbouncer
from tests.support.running import Running
from tests.support.stack import ORDER, customer

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack"), needs_pgbouncer]

PASSWORD = "p@ss/w%rd"
TABLES = sum(len(each.tables) for each in PROJECTIONS.values())


@dataclass
class Site:
    """A running site behind a pooler, and the URL that goes past the pooler."""

    running: Running
    direct: str

    def ask(self, query: str) -> Any:
        """Return the first value of a query."""
        with psycopg.connect(self.direct) as connection:
            row = connection.execute(query).fetchone()
            return row[0] if row else None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("pooled") / "its state"
    services = Services(state, durable=False)
    services.start({"postgres"})
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("CREATE SCHEMA shop AUTHORIZATION shop")
        connection.execute("GRANT CREATE ON DATABASE app TO shop")
    direct = urlsplit(services.database_url)
    direct = direct._replace(netloc=f"shop:{quote(PASSWORD, safe='')}@{direct.hostname}:{direct.port}")
    pooler = Pooler(direct.geturl())
    running = Running(state)
    try:
        running.more["DATABASE_URL"] = pooler.start().url
        yield Site(running.start(), direct.geturl())
    finally:
        if running.process and running.process.poll() is None:
            running.stop()
        pooler.stop()
        services.stop({"postgres"})


def test_writers_readers_and_rebuilds_go_through_the_pooler(site: Site) -> None:
    auth = customer(site.running)
    over = threading.Event()
    placed: list[str] = []
    problems: list[Any] = []

    def write_and_read() -> None:
        while not over.is_set():
            try:
                placed.append(place_and_pay(site.running, auth))
            except AssertionError as error:
                problems.append(error)
                return

    writers = [threading.Thread(target=write_and_read) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        reports = [
            site.running.manage("rebuild_projections", *more)
            for more in ((), ("--workers", "2"), ("--rollback",), ("--as-of", "2031-01-01", "--into", "audit"))
        ]
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert not problems
    assert placed
    assert all(report.count("identical") == TABLES for report in reports[:3]), reports
    assert reports[3].count("as it stood, in shop_audit") == len(PROJECTIONS)
    assert site.ask("SELECT count(*) FROM leases") == 0
    assert site.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


def test_the_log_is_partitioned_and_verified_through_the_pooler(site: Site) -> None:
    assert "are in 3 partitions" in site.running.manage("partition_log", "--partitions", "3")
    place_and_pay(site.running, customer(site.running))
    assert "are in one plain table" in again(site.running, "partition_log", "--drop-old", "--partitions", "0")
    site.running.manage("check_projections")
    site.running.manage("seal_log")
    site.running.manage("verify_log")


def test_rows_are_streamed_outside_a_transaction_although_their_cursor_would_be_lost(site: Site) -> None:
    script = (
        "from django.contrib.auth.models import Permission; rows = Permission.objects.iterator(chunk_size=2);"
        "print(len([(row, Permission.objects.count()) for row in rows]) == Permission.objects.count())"
    )
    assert site.running.manage("shell", "--no-imports", "-c", script) == "True\n"


def test_all_tables_are_in_the_schema_of_the_site(site: Site) -> None:
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert site.ask(query) == 0
    assert site.ask("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'replaced_%'") == 0
    assert site.ask("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'shop_replaced_%'") == len(PROJECTIONS)


def again(running: Running, command: str, first: str, *then: str) -> str:
    running.manage(command, first)
    return running.manage(command, *then)


def place_and_pay(running: Running, auth: dict[str, str]) -> str:
    """Place an order, pay it, and read it back by the API. Return its id."""

    def post(path: str, body: Any) -> Any:
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": "*"}
        status, _, answer = running.call("POST", path, body, **auth, **headers)
        assert status in (200, 201), answer
        return answer

    order_id: str = post("/api/v1/orders", ORDER)["order_id"]
    post(f"/api/v1/orders/{order_id}/payments", {"amount": "19.90", "payment_method": "card"})
    deadline = time.monotonic() + 30
    while True:
        status, _, order = running.call("GET", f"/api/v1/orders/{order_id}?min_version=2", **auth)
        if status != 503 or time.monotonic() > deadline:
            break
    assert (status, order["payment"]) == (200, "paid"), order
    return order_id
