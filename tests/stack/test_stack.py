"""`make run`, for real: every process, real servers, the README's first calls, and kill -9."""

import csv
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from ordersite.devstack.processes import owner
from ordersite.importing.layouts.online_retail import COLUMNS
from projections.engine.projection import PROJECTIONS
from tests.support.running import ROOT, Running
from tests.support.stack import ORDER, customer

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def test_the_first_calls_of_the_readme(running: Running) -> None:
    auth = customer(running)
    assert running.call("GET", "/healthz")[0] == 200
    key = {"Idempotency-Key": str(uuid4())}
    status, headers, placed = running.call("POST", "/api/v1/orders", ORDER, **auth, **key)
    assert (status, placed["version"]) == (201, 1)
    again = running.call("POST", "/api/v1/orders", ORDER, **auth, **key)
    assert (again[0], again[2], again[1]["Idempotency-Replayed"]) == (201, placed, "true")
    path = headers["Location"]
    payment = {"amount": "19.90", "payment_method": "card"}
    expecting_the_version = {"Idempotency-Key": str(uuid4()), "If-Match": headers["Etag"]}
    status, _, paid = running.call("POST", f"{path}/payments", payment, **auth, **expecting_the_version)
    assert (status, paid["version"]) == (200, 2)
    status, _, order = running.call("GET", f"{path}?min_version=2", **auth)
    assert (status, order["status"], order["payment"], order["due"]) == (200, "open", "paid", "0.00")


def test_a_body_without_a_length_is_refused(running: Running) -> None:
    site = http.client.HTTPConnection(urlsplit(running.site).netloc, timeout=20)
    headers = {**customer(running), "Content-Type": "application/json", "Idempotency-Key": "chunked"}
    site.putrequest("POST", "/api/v1/orders")
    for name, value in (headers | {"Transfer-Encoding": "chunked"}).items():
        site.putheader(name, value)
    body = json.dumps(ORDER).encode()
    site.endheaders(
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    )  # sent in one piece, because a refusal does not wait for the rest
    refused = site.getresponse()
    assert (refused.status, json.load(refused)["code"]) == (411, "length_required")
    assert refused.headers["X-Request-ID"]
    site.close()


def test_a_worker_killed_in_the_middle_of_an_import_is_started_again_and_nothing_is_lost_or_doubled(
    running: Running, tmp_path: Path
) -> None:
    file = tmp_path / "orders.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for number in range(6000):
            for line in range(3):
                moment = f"2011-01-{1 + number // 300:02} 10:{number % 60:02}:00"
                writer.writerow(
                    (500_000 + number, f"SKU{line}", "Thing", 1 + line, moment, "1.25", 12_000 + number % 50, "France")
                )
    killed = []

    def kill_twice() -> None:
        for name in ("worker", "catch-up"):
            time.sleep(1.2)
            pid = running.pid_of(name)
            os.killpg(pid, signal.SIGKILL)
            killed.append(pid)
            time.sleep(1.5)

    killer = threading.Thread(target=kill_twice)
    killer.start()
    report = running.manage("import_orders", str(file), "--json", "--quarantine", str(tmp_path / "q.csv"))
    killer.join()
    assert '"orders_added": 6000' in report
    assert len(set(killed)) == 2
    assert "the worker died (-9); starting it again" in running.said
    assert "the catch-up died (-9); starting it again" in running.said
    wait_until_caught_up(running)
    compared = running.manage("rebuild_projections", "--dry-run")
    assert compared.count("identical") == sum(len(each.tables) for each in PROJECTIONS.values())
    assert "added" not in compared
    assert ", 0 parked" in compared


def test_accepted_commands_are_done_once_although_the_worker_is_killed_and_the_broker_emptied(running: Running) -> None:
    auth = customer(running)
    empty_the_broker = (
        "import redis; from django.conf import settings; redis.Redis.from_url(settings.REDIS_URL).flushall()"
    )
    locations = []
    for number in range(60):
        headers = {"Idempotency-Key": f"async-{number}", "Prefer": "respond-async"}
        status, answered, _ = running.call("POST", "/api/v1/orders", ORDER, **auth, **headers)
        assert status == 202
        locations.append(answered["Location"])
        if number in (15, 40):
            os.killpg(running.pid_of("worker"), signal.SIGKILL)
    running.manage("shell", "--no-imports", "-c", empty_the_broker)
    deadline = time.monotonic() + 60
    outcomes: list[Any] = []
    while not outcomes or any(outcome["status"] == "waiting" for outcome in outcomes):
        assert time.monotonic() < deadline, "accepted commands are not done"
        time.sleep(0.5)
        outcomes = [running.call("GET", location, **auth)[2] for location in locations]
    assert {outcome["status"] for outcome in outcomes} == {"done"}
    assert len({outcome["order_id"] for outcome in outcomes}) == 60
    versions = {
        running.call("GET", f"/api/v1/orders/{o['order_id']}?min_version=1", **auth)[2]["version"] for o in outcomes
    }
    assert versions == {1}


def wait_until_caught_up(running: Running, seconds: float = 60) -> None:
    """Wait until all checkpoints are at the end of the log."""
    script = (
        "from projections.engine.checkpoints import Checkpoint; from eventstore import store;"
        "print(min(Checkpoint.objects.filter(space='').values_list('position', flat=True)) >= store.latest_position())"
    )
    deadline = time.monotonic() + seconds
    while "True" not in running.manage("shell", "--no-imports", "-c", script):
        assert time.monotonic() < deadline, "the read models do not catch up"
        time.sleep(0.5)


def test_a_second_start_from_the_same_folder_is_refused_with_a_message(running: Running) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "ordersite.devstack"],
        cwd=ROOT,
        env=running.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode != 0
    assert "the site already runs from this folder" in second.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_everything_that_was_started_is_stopped(tmp_path: Path, how: signal.Signals) -> None:
    site = Running(tmp_path / "state").start()
    pids = [site.pid_of(name) for name in ("worker", "catch-up", "outside", "beat", "web")]
    servers = [owner(site.state / "pg" / "postmaster.pid", "pg"), owner(site.state / "valkey.pid", "valkey")]
    try:
        assert all(servers)
        assert site.stop(how) == 0
    finally:
        site.stop(signal.SIGTERM)
    assert "stopped" in site.said
    for pid in [*pids, *servers]:
        assert not alive(pid), pid
    assert not list(site.state.glob("*.pid"))


def test_what_a_killed_start_left_behind_is_cleaned_up_by_the_next(tmp_path: Path) -> None:
    site = Running(tmp_path / "state").start()
    left = [site.pid_of(name) for name in ("worker", "catch-up", "outside", "beat", "web")]
    assert site.process
    site.process.kill()
    site.process.wait()
    assert any(alive(pid) for pid in left)
    site.start()
    try:
        assert not any(alive(pid) for pid in left)
        assert site.call("GET", "/healthz")[0] == 200
    finally:
        site.stop()
        assert owner(site.state / "pg" / "postmaster.pid", "pg") is None


def alive(pid: Any) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().split(b")")[-1][:3] if Path("/proc").exists() else True


def test_a_port_that_is_taken_is_named(tmp_path: Path, running: Running) -> None:
    taken = Running(tmp_path / "state", port=running.port)
    with pytest.raises(AssertionError, match=f"port {running.port} cannot be used"):
        taken.start()


@pytest.mark.parametrize("port", ["0", "65536", "-1", "web", ""])
def test_a_port_that_no_server_can_have_is_named_at_once(tmp_path: Path, port: str) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "ordersite.devstack"],
        cwd=ROOT,
        env=Running(tmp_path / "state", more={"PORT": port}).environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert refused.returncode != 0
    assert f"PORT is {port!r}: use a number from 1 to 65535" in refused.stderr


def test_with_servers_named_in_the_environment_none_is_started(tmp_path: Path, running: Running) -> None:
    from ordersite.devstack.servers import Services

    theirs = Services(running.state)
    site = Running(tmp_path / "state", more={"DATABASE_URL": theirs.database_url, "REDIS_URL": theirs.redis_url})
    try:
        site.start()
        assert not any(server in site.said for server in ("postgres", "valkey"))
        assert not (site.state / "pg").exists()
        assert site.call("GET", "/healthz")[0] == 200
    finally:
        site.stop()
    assert running.call("GET", "/healthz")[0] == 200, "servers that it did not start keep running"
