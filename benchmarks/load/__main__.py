"""`make load SECONDS=60 USERS=20`: put load on a site as customers and staff, then check that the result is correct.

The site is a separate one under .local/load, started as `make run` does, with the demo shop. Printed are requests per
second, latencies and errors by kind of request, and the lag of the read models. A refusal by the rules, such as
shipping an unpaid order, is not an error; refusals are counted separately. The exit code is 1 after an error or a
failed check.
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

from tests.faults.looking import database, end_of_log, events_of_orders, find_problems, wait_until_caught_up
from tests.support.running import Running

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".local" / "load"
CUSTOMERS = 20
SAMPLE_SECONDS = 0.2  # between two samples of the lag
POLL_SECONDS = 0.003  # between two looks during a sample
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
    """Samples of the lag: seconds from seeing an event in the log until every read model has handled it."""

    running: Running
    over: threading.Event = field(default_factory=threading.Event)
    seconds: list[float] = field(default_factory=list)

    def sample(self) -> None:
        """Take samples until `over` is set."""
        position = "SELECT min(position) FROM projections_checkpoint WHERE space = ''"
        with database(self.running) as connection:
            previous = end_of_log(connection)
            while not self.over.wait(SAMPLE_SECONDS):
                while (latest := end_of_log(connection)) == previous and not self.over.is_set():
                    time.sleep(POLL_SECONDS)
                start = time.monotonic()
                while (connection.execute(position).fetchone() or (0,))[0] < latest and not self.over.is_set():
                    time.sleep(POLL_SECONDS)
                self.seconds.append(time.monotonic() - start)
                previous = end_of_log(connection)


def main() -> None:
    """Start the site, run the load, and check the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--users", type=int, default=20)
    arguments = parser.parse_args()
    shutil.rmtree(STATE, ignore_errors=True)
    running = Running(STATE, more={"LOGIN_RATE": "1000000/min", "LOG_LEVEL": "WARNING"}).start()
    try:
        problems = _loaded(running, arguments)
    finally:
        running.stop()
    if problems:
        sys.exit("\n".join(f"FAILED: {problem}" for problem in problems))
    print("no errors; each acknowledged command has its events once; read models and accounting follow from the log")


def _loaded(running: Running, arguments: argparse.Namespace) -> list[str]:
    with database(running) as connection:
        before = end_of_log(connection)
        lags = Lags(running)
        sampler = threading.Thread(target=lags.sample)
        sampler.start()
        try:
            result = _locust(running, arguments)
        finally:
            lags.over.set()
            sampler.join()
        caught_up_after = wait_until_caught_up(connection)
        _show(result, lags.seconds, caught_up_after)
        problems = [*result["errors"], *_unlike(result, events_of_orders(connection, before))]
        problems += find_problems(running, connection, before)
    for command in ("check_log", "seal_log", "verify_log"):
        try:
            running.manage(command)
        except AssertionError as error:
            problems.append(f"{command}: {error}")
    return problems


def _locust(running: Running, arguments: argparse.Namespace) -> dict[str, Any]:
    people = json.loads(running.manage("shell", "--verbosity", "0", "--command", PEOPLE))
    people["staff"] = running.tokens()["staff"]
    result_file = STATE / "result.json"
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--skip-log", "--loglevel", "WARNING"]
    command += ["--locustfile", str(ROOT / "benchmarks" / "load" / "users.py"), "--host", running.site]
    command += [
        "--users",
        str(arguments.users),
        "--spawn-rate",
        "10",
        "--run-time",
        f"{arguments.seconds}s",
        "--stop-timeout",
        "20",
    ]
    environment = os.environ | {"LOAD_TOKENS": json.dumps(people), "LOAD_RESULT": str(result_file)}
    with (STATE / "locust.log").open("w") as log:
        subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False)  # noqa: S603 - our own
    if not result_file.exists():
        raise SystemExit(f"locust wrote no result; see {STATE / 'locust.log'}")
    written: dict[str, Any] = json.loads(result_file.read_text())
    return written


def _unlike(result: dict[str, Any], logged: dict[str, list[str]]) -> list[str]:
    """Return problems: orders with fewer events than were acknowledged, or more than were sent."""
    problems = []
    for order_id, acknowledged in result["acknowledged"].items():
        least: Counter[str] = Counter(acknowledged)
        there = Counter(logged.get(order_id, []))
        most = Counter({"order.created": 1, **result["sent"].get(order_id, {})})
        if least - there or there - most:
            problems.append(f"order {order_id}: acknowledged {acknowledged}, in the log {dict(there)}")
    created = sum("order.created" in events for events in logged.values())
    if created > result["placed"]:
        problems.append(f"{result['placed']} orders were placed, and {created} are in the log")
    return problems


def _show(result: dict[str, Any], lags: list[float], caught_up_after: float) -> None:
    console = Console(width=None if os.isatty(1) else 110)
    table = Table("request", "count", "per second", "p50 ms", "p99 ms", "errors")
    for each in sorted(result["figures"], key=lambda figure: (figure["name"] == "Aggregated", figure["name"])):
        name = "all" if each["name"] == "Aggregated" else each["name"]
        numbers = (f"{each['requests']:,}", f"{each['rate']:.1f}", f"{each['p50']:.0f}", f"{each['p99']:.0f}")
        table.add_row(name, *numbers, str(each["failures"]))
    console.print(table)
    for name, count in sorted(result["refused"].items()):
        console.print(f"  refused by the rules: {name}: {count}", highlight=False)
    if len(lags) > 1:
        percent = quantiles(lags, n=100)
        console.print(
            f"  every read model had caught up after {percent[49] * 1000:.0f} ms (p50),"
            f" {percent[98] * 1000:.0f} ms (p99), {len(lags)} samples; {caught_up_after:.1f} s after the last command",
            highlight=False,
        )


if __name__ == "__main__":
    main()
