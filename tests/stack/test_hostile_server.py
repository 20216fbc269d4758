"""A whole site on a server whose defaults are all hostile: writers, read models, rebuilds and imports come out right.

Directly, and behind a pooler in another schema than `public`.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from ordersite.devstack.servers import Services
from projections.engine.projection import PROJECTIONS
from tests.support.pooler import Pooler, needs_pgbouncer
from tests.support.running import Running
from tests.support.stack import ORDER, customer, place_and_pay

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

HOSTILE = {
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "synchronous_commit": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "gin_fuzzy_search_limit": "1",
    "bytea_output": "escape",
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-15",
    "timezone": "Asia/Kathmandu",
    "standard_conforming_strings": "off",
    "client_encoding": "LATIN1",
}
FILE = """\
Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country
536365,85123A,ЧАЙНИК,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536366,22633,HAND WARMER,6,2010-12-01 08:28:00,1.85,,United Kingdom
"""
LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}  # a system whose files are in ASCII
TABLES = sum(len(each.tables) for each in PROJECTIONS.values())


@pytest.fixture(scope="module", params=["direct", pytest.param("pooled", marks=needs_pgbouncer)])
def running(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp(f"hostile {request.param}") / "its state"
    services = Services(state)
    services.start({"postgres"})
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE shop LOGIN PASSWORD 'secret' IN ROLE pg_monitor")
        connection.execute("CREATE DATABASE shop OWNER shop LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
        for name, value in HOSTILE.items():
            connection.execute(f"ALTER ROLE shop IN DATABASE shop SET {name} = '{value}'")
    url = urlsplit(services.database_url)
    url = url._replace(netloc=f"shop:secret@{url.hostname}:{url.port}", path="/shop")
    if request.param == "pooled":
        with psycopg.connect(url.geturl(), autocommit=True) as connection:
            connection.execute("CREATE SCHEMA shop")
            # What `check` refuses: statements outside of transactions would have the default.
            connection.execute("ALTER ROLE shop IN DATABASE shop SET intervalstyle = 'postgres'")
    running = Running(state, more={"DATABASE_URL": url.geturl(), **LOCALE})
    with contextlib.ExitStack() as after:
        after.callback(services.stop, {"postgres"})
        if request.param == "pooled":
            pooler = Pooler(url.geturl())
            running.more["DATABASE_URL"] = pooler.start().url
            after.callback(pooler.stop)
        after.callback(running.stop)
        yield running.start()


@pytest.fixture
def owner(running: Running) -> Iterator[psycopg.Connection[Any]]:
    """The owner of the server, who sets defaults."""
    with psycopg.connect(Services(running.state).database_url, autocommit=True) as connection:
        yield connection


def test_writers_read_models_rebuilds_and_imports_come_out_right(running: Running, tmp_path: Path) -> None:
    auth = customer(running)
    over = threading.Event()
    placed: list[str] = []
    problems: list[Any] = []

    def write_and_read() -> None:
        while not over.is_set():
            try:
                placed.append(place_and_pay(running, auth))
            except AssertionError as error:
                problems.append(error)
                return

    writers = [threading.Thread(target=write_and_read) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        file = tmp_path / "orders.csv"
        file.write_text(FILE, encoding="utf-8")
        report = json.loads(running.manage("import_orders", str(file), "--json"))
        rebuilt = running.manage("rebuild_projections", "--workers", "2")
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert not problems
    assert placed
    assert report["lines_imported"] == 2
    assert rebuilt.count("identical") == TABLES, rebuilt
    running.manage("check_projections")
    assert "the log is as it should be" in running.manage("watch_log")
    assert running.call("GET", "/healthz")[2]["read_models"] == "ok"


def test_a_server_that_is_read_only_for_a_while_loses_nothing(running: Running, owner: psycopg.Connection[Any]) -> None:
    auth, key = customer(running), {"Idempotency-Key": str(uuid4())}
    owner.execute("ALTER ROLE shop IN DATABASE shop SET default_transaction_read_only = on")
    try:
        end_sessions(owner)
        wait_for(lambda: running.call("POST", "/api/v1/orders", ORDER, **auth, **key)[0] == 503)
    finally:
        owner.execute("ALTER ROLE shop IN DATABASE shop RESET default_transaction_read_only")
        end_sessions(owner) if "pooled" in str(running.state) else None  # a pooler keeps its sessions for an hour
    wait_for(lambda: running.call("POST", "/api/v1/orders", ORDER, **auth, **key)[0] == 201)
    place_and_pay(running, auth)
    running.manage("check_projections")


def end_sessions(owner: psycopg.Connection[Any]) -> None:
    owner.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'shop'")


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
