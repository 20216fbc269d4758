"""Back up a site under load, restore it elsewhere, and find there everything that was acknowledged before."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from ordersite.backup import manifest
from ordersite.devstack.servers import Services
from tests.support.running import Running
from tests.support.stack import ORDER, customer, place_and_pay
from tests.support.webhook_receiver import receiving

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

SKIP = """
from django.utils import timezone
from eventstore.models import Event
from projections.engine.checkpoints import SkippedEvent
event = Event.objects.filter(aggregate_id="{order_id}", version=2).get()
SkippedEvent.objects.create(
    projection="staff", position=event.position, aggregate_id=event.aggregate_id, event_type=event.event_type,
    reason="as a test", skipped_by="clerk", skipped_at=timezone.now(),
)
"""
FORGET = "from projections.engine.checkpoints import SkippedEvent; SkippedEvent.objects.all().delete()"
LOOK = """
import json
from django.test import Client
from projections.engine.checkpoints import SkippedEvent
from projections.webhooks.models import WebhookEndpoint
client = Client()
again = client.post(
    "/api/v1/orders", json.loads('''{order}'''), content_type="application/json",
    headers={{**json.loads('''{auth}'''), "Idempotency-Key": "{key}"}},
)
print(json.dumps({{
    "again": again.json(),
    "replayed": again.headers.get("Idempotency-Replayed"),
    "secret": WebhookEndpoint.objects.get(pk="{endpoint}").reveal_secret(),
    "skipped": [str(each.aggregate_id) for each in SkippedEvent.objects.all()],
    "staff": client.login(**json.loads('''{staff}''')),
    "may ship": client.get("/admin/projections/stafforder/").status_code,
}}))
"""


@contextmanager
def writers(site: Running, auth: dict[str, str]) -> Iterator[list[str]]:
    """Let three clients place and pay orders; yield the list of those that were acknowledged."""
    over, acknowledged = threading.Event(), list[str]()

    def write() -> None:
        while not over.is_set():
            acknowledged.append(place_and_pay(site, auth))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def empty_database(site: Running) -> Iterator[Running]:
    """Create an empty database beside the site's; yield the site with that database, not started."""
    server = Services(site.state).database_url
    name = f"restored_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            url = urlsplit(server)._replace(path=f"/{name}").geturl()
            broker = {"REDIS_URL": Services(site.state).redis_url + "5"}  # its own caches
            yield Running(site.state, port=site.port, more={**site.more, **broker, "DATABASE_URL": url})
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_site_backed_up_under_load_is_restored_elsewhere_with_all_that_it_promised(
    running: Running, tmp_path: Path
) -> None:
    auth, key, staff = customer(running), str(uuid4()), running.logins()["logins"]["staff"]
    with receiving() as receiver:
        status, _, endpoint = running.call("POST", "/api/v1/webhook-endpoints", {"url": receiver.url}, **auth)
        assert status == 201, endpoint
        status, _, first = running.call("POST", "/api/v1/orders", ORDER, **auth, **{"Idempotency-Key": key})
        assert status == 201, first
        skipped = place_and_pay(running, auth)
        running.manage("shell", "--verbosity", "0", "--no-imports", "-c", SKIP.format(order_id=skipped))
        with writers(running, auth) as acknowledged:
            while len(acknowledged) < 5:
                threading.Event().wait(0.05)
            before = list(acknowledged)
            said = running.manage("backup", str(tmp_path / "a backup"))
            after = list(acknowledged)
    running.manage("shell", "--verbosity", "0", "--no-imports", "-c", FORGET)  # other tests compare this site's views
    assert len(after) > len(before), "the writers went on"
    taken = manifest.read(tmp_path / "a backup")
    assert f"the log up to position {taken.position}" in said

    with empty_database(running) as elsewhere:
        said = elsewhere.manage("restore", str(tmp_path / "a backup"), "--check")
        assert f"position {taken.position}" in said
        with psycopg.connect(elsewhere.more["DATABASE_URL"]) as connection:
            log = one(connection, "SELECT count(*), max(position) FROM events")
            assert log == (
                rows(taken, "events"),
                taken.position,
            )
            for order_id in before:
                paid = "SELECT payment_status FROM projections_stafforder WHERE order_id = %s"
                assert one(connection, paid, order_id) == ("paid",)
            assert one(connection, "SELECT last_value >= %s FROM events_position_seq", taken.position) == (True,)
            planned = "SELECT count(*) FROM planned_commands"
            assert one(connection, planned) == (rows(taken, "planned_commands"),)
        script = LOOK.format(
            order=json.dumps(ORDER), auth=json.dumps(auth), key=key, endpoint=endpoint["id"], staff=json.dumps(staff)
        )
        found = json.loads(elsewhere.manage("shell", "--verbosity", "0", "--no-imports", "-c", script))
        assert (found["again"], found["replayed"]) == (first, "true"), "the key of the first order is still known"
        assert found["secret"] == endpoint["secret"]
        assert found["skipped"] == [skipped]
        assert (found["staff"], found["may ship"]) == (True, 200)


def test_a_restored_log_gives_no_position_that_somebody_saw(running: Running, tmp_path: Path) -> None:
    running.manage("backup", str(tmp_path / "backup"))
    seen = manifest.read(tmp_path / "backup").position + 1000
    with empty_database(running) as elsewhere:
        elsewhere.manage("restore", str(tmp_path / "backup"), "--last-position", str(seen))
        with psycopg.connect(elsewhere.more["DATABASE_URL"]) as connection:
            assert one(connection, "SELECT nextval('events_position_seq')") == (seen + 1,)


def one(connection: "psycopg.Connection[Any]", query: str, *values: Any) -> Any:
    return connection.execute(query, values).fetchone()


def rows(taken: manifest.Manifest, name: str) -> int:
    return next(table.rows for table in taken.tables if table.name == name)
