"""The whole site behind PgBouncer in transaction mode, in a schema that is not `public`."""

import threading
from typing import Any

import pytest

from projections.engine.projection import PROJECTIONS
from tests.support.deployment import Deployed
from tests.support.pooler import needs_pgbouncer
from tests.support.running import Running
from tests.support.stack import customer, place_and_pay

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack"), needs_pgbouncer]

TABLES = sum(len(each.tables) for each in PROJECTIONS.values())


def test_writers_readers_and_rebuilds_go_through_the_pooler(deployed: Deployed) -> None:
    auth = customer(deployed.running)
    over = threading.Event()
    placed: list[str] = []
    problems: list[Any] = []

    def write_and_read() -> None:
        while not over.is_set():
            try:
                placed.append(place_and_pay(deployed.running, auth))
            except AssertionError as error:
                problems.append(error)
                return

    writers = [threading.Thread(target=write_and_read) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        reports = [
            deployed.running.manage("rebuild_projections", *more)
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
    assert deployed.ask("SELECT count(*) FROM leases") == 0
    assert deployed.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


def test_the_log_is_partitioned_and_verified_through_the_pooler(deployed: Deployed) -> None:
    assert "are in 3 partitions" in deployed.running.manage("partition_log", "--partitions", "3")
    place_and_pay(deployed.running, customer(deployed.running))
    assert "are in one plain table" in again(deployed.running, "partition_log", "--drop-old", "--partitions", "0")
    deployed.running.manage("check_projections")
    deployed.running.manage("seal_log")
    deployed.running.manage("verify_log")


def test_rows_are_streamed_outside_a_transaction_although_their_cursor_would_be_lost(deployed: Deployed) -> None:
    script = (
        "from django.contrib.auth.models import Permission; rows = Permission.objects.iterator(chunk_size=2);"
        "print(len([(row, Permission.objects.count()) for row in rows]) == Permission.objects.count())"
    )
    assert deployed.running.manage("shell", "--no-imports", "-c", script) == "True\n"


def test_all_tables_are_in_the_schema_of_the_site(deployed: Deployed) -> None:
    query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert deployed.ask(query) == 0
    deployed.running.manage("rebuild_projections", "feed")
    assert deployed.ask("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'replaced_%'") == 0
    assert deployed.ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'shop_replaced_feed'") == 1


def again(running: Running, command: str, first: str, *then: str) -> str:
    running.manage(command, first)
    return running.manage(command, *then)
