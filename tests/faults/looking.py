"""What has to hold of a running site, whatever was done to it."""

import time
from typing import Any

import psycopg

from ordersite.devstack.servers import Services
from tests.support.running import Running

LEVEL_SECONDS = 60  # after the last command, until the views show everything

COUNTS = {  # what none of there may be; `before` is where the log ended when the run began
    "events parked": "SELECT count(*) FROM projections_parkedevent",
    "flags of drift": "SELECT count(*) FROM projections_driftflag",
    "aggregates with a gap between versions": """
        SELECT count(*) FROM (SELECT FROM events GROUP BY aggregate_id HAVING max(version) <> count(*)) gaps""",
    "commands without a receipt": """
        SELECT count(*) FROM events LEFT JOIN command_receipts receipt
            ON receipt.command_id = (metadata->>'command_id')::uuid
         WHERE position > %(before)s AND receipt.command_id IS NULL""",
    "commands done twice": """
        SELECT count(*) FROM (
            SELECT FROM events WHERE position > %(before)s
             GROUP BY metadata->>'command_id' HAVING count(*) > 1) twice""",
}


def database(running: Running) -> "psycopg.Connection[Any]":
    return psycopg.connect(Services(running.state).database_url, autocommit=True)


def end_of_log(connection: "psycopg.Connection[Any]") -> int:
    ((position,),) = connection.execute("SELECT max(position) FROM events").fetchall()
    return int(position)


def events_of_orders(connection: "psycopg.Connection[Any]", after: int) -> dict[str, list[str]]:
    """The event types of each aggregate, in order."""
    found: dict[str, list[str]] = {}
    query = "SELECT aggregate_id::text, event_type FROM events WHERE position > %s ORDER BY position"
    for order_id, event_type in connection.execute(query, [after]):
        found.setdefault(order_id, []).append(event_type)
    return found


def wait_until_level(connection: "psycopg.Connection[Any]") -> float:
    """Seconds until every checkpoint of the live views stands at the end of the log."""
    started = time.monotonic()
    query = """
        SELECT min(position) >= (SELECT max(position) FROM events) FROM projections_checkpoint WHERE space = ''"""
    while connection.execute(query).fetchone() != (True,):
        if time.monotonic() > started + LEVEL_SECONDS:
            raise AssertionError(f"the views are not level after {LEVEL_SECONDS} s")
        time.sleep(0.05)
    return time.monotonic() - started


def what_does_not_hold(running: Running, connection: "psycopg.Connection[Any]", before: int) -> list[str]:
    """Of what is written after the position `before`, and of the views; the books' own sums among them."""
    problems = []
    for name, counting in COUNTS.items():
        ((count,),) = connection.execute(counting, {"before": before}).fetchall()
        if count:
            problems.append(f"{count} {name}")
    for command, bad in (("rebuild_projections", ("added", "changed")), ("check_projections", ("should be",))):
        arguments = ["--dry-run"] if command == "rebuild_projections" else []
        try:
            said = running.manage(command, *arguments)
        except AssertionError as error:
            said = f"{bad[0]}: {error}"
        if any(word in said for word in bad):
            problems.append(f"{command}: {said}")
    return problems
