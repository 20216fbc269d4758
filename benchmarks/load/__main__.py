"""`make load SECONDS=60 USERS=20`: customers and staff on a running site, and then: does everything hold?

The site is one of its own, as `make run` starts it, with the demo shop, durable, under .local/load. Printed: requests a
second, latencies and errors by kind of request, and how far the views were behind. A refusal by the rules, such as
shipping what is not paid, is no error and is counted by itself. Exit code 1: an error, or something that does not hold.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.looking import database, end_of_log, events_of_orders, wait_until_level, what_does_not_hold
from tests.support.running import Running

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".local" / "load"
CUSTOMERS = 20
SAMPLE_SECONDS = 0.2  # between two looks at how far the views are
POLL_SECONDS = 0.003  # in one of them
PEOPLE = f"""
import json
from uuid import uuid4
from django.test import Client
from knox.models import AuthToken
from ordersite import demo
from ordersite.models import User
users = [User.objects.create_user(f"load-{{number}}", customer_id=uuid4()) for number in range({CUSTOMERS})]
clerk = Client()
clerk.force_login(User.objects.get(username=demo.LOGINS[0][0]))
print(json.dumps({{
    "customers": [AuthToken.objects.create(user)[1] for user in users],
    "session": clerk.cookies["sessionid"].value,
}}))
"""


@dataclass
class Lags:
    """Seconds from the moment when an event is seen in the log to that when every view has come so far."""

    running: Running
    over: threading.Event = field(default_factory=threading.Event)
    seconds: list[float] = field(default_factory=list)

    def sample(self) -> None:
        position = "SELECT min(position) FROM projections_checkpoint WHERE space = ''"
        with database(self.running) as connection:
            known = end_of_log(connection)
            while not self.over.wait(SAMPLE_SECONDS):
                while (latest := end_of_log(connection)) == known and not self.over.is_set():
                    time.sleep(POLL_SECONDS)
                start = time.monotonic()
                while (connection.execute(position).fetchone() or (0,))[0] < latest and not self.over.is_set():
                    time.sleep(POLL_SECONDS)
                self.seconds.append(time.monotonic() - start)
                known = end_of_log(connection)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--users", type=int, default=20)
    asked = parser.parse_args()
    shutil.rmtree(STATE, ignore_errors=True)
    running = Running(STATE, more={"LOGIN_RATE": "1000000/min", "LOG_LEVEL": "WARNING"}).start()
    try:
        problems = _loaded(running, asked)
    finally:
        running.stop()
    if problems:
        sys.exit("\n".join(f"FAILED: {problem}" for problem in problems))
    print("no errors; each acknowledged command has its events once, the views and the books follow from the log")


def _loaded(running: Running, asked: argparse.Namespace) -> list[str]:
    with database(running) as connection:
        before = end_of_log(connection)
        lags = Lags(running)
        sampler = threading.Thread(target=lags.sample)
        sampler.start()
        try:
            found = _locust(running, asked)
        finally:
            lags.over.set()
            sampler.join()
        level_after = wait_until_level(connection)
        _show(found, lags.seconds, level_after)
        problems = [*found["errors"], *_unlike(found, events_of_orders(connection, before))]
        problems += what_does_not_hold(running, connection, before)
    for command in ("check_log", "seal_log", "verify_log"):
        try:
            running.manage(command)
        except AssertionError as error:
            problems.append(f"{command}: {error}")
    return problems


def _locust(running: Running, asked: argparse.Namespace) -> dict[str, Any]:
    people = json.loads(running.manage("shell", "--verbosity", "0", "--command", PEOPLE))
    people["staff"] = running.tokens()["staff"]
    result = STATE / "result.json"
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--skip-log", "--loglevel", "WARNING"]
    command += ["--locustfile", str(ROOT / "benchmarks" / "load" / "users.py"), "--host", running.site]
    command += [
        "--users",
        str(asked.users),
        "--spawn-rate",
        "10",
        "--run-time",
        f"{asked.seconds}s",
        "--stop-timeout",
        "20",
    ]
    environment = os.environ | {"LOAD_TOKENS": json.dumps(people), "LOAD_RESULT": str(result)}
    with (STATE / "locust.log").open("w") as log:
        subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False)  # noqa: S603 - our own
    if not result.exists():
        raise SystemExit(f"locust wrote no result; see {STATE / 'locust.log'}")
    written: dict[str, Any] = json.loads(result.read_text())
    return written


def _unlike(found: dict[str, Any], logged: dict[str, list[str]]) -> list[str]:
    """Orders of which the log has less than was acknowledged, or more than was sent."""
    problems = []
    for order_id, acknowledged in found["acknowledged"].items():
        least: Counter[str] = Counter(acknowledged)
        there = Counter(logged.get(order_id, []))
        most = Counter({"order.created": 1, **found["sent"].get(order_id, {})})
        if least - there or there - most:
            problems.append(f"order {order_id}: acknowledged {acknowledged}, in the log {dict(there)}")
    created = sum("order.created" in events for events in logged.values())
    if created > found["placed"]:
        problems.append(f"{found['placed']} orders were placed, and {created} are in the log")
    return problems


def _show(found: dict[str, Any], lags: list[float], level_after: float) -> None:
    console = Console(width=None if os.isatty(1) else 110)
    table = Table("request", "count", "a second", "p50 ms", "p99 ms", "errors")
    for each in sorted(found["figures"], key=lambda figure: (figure["name"] == "Aggregated", figure["name"])):
        name = "all" if each["name"] == "Aggregated" else each["name"]
        numbers = (f"{each['requests']:,}", f"{each['rate']:.1f}", f"{each['p50']:.0f}", f"{each['p99']:.0f}")
        table.add_row(name, *numbers, str(each["failures"]))
    console.print(table)
    for name, count in sorted(found["refused"].items()):
        console.print(f"  refused by the rules: {name}: {count}", highlight=False)
    if len(lags) > 1:
        percent = quantiles(lags, n=100)
        console.print(
            f"  every view was level with the end of the log after {percent[49] * 1000:.0f} ms (p50),"
            f" {percent[98] * 1000:.0f} ms (p99) of {len(lags)} samples; {level_after:.1f} s after the last command",
            highlight=False,
        )


if __name__ == "__main__":
    main()
