"""Check what must be true of a site after any fault."""

import time
from typing import Any

import psycopg

from ordersite.devstack.servers import Services
from tests.support.running import Running

CATCH_UP_SECONDS = 60  # allowed after the last command

COUNTS = {  # each must be 0; `before` is the end of the log at the beginning of the run
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
             GROUP BY metadata->>'command_id', aggregate_id HAVING count(*) > 1) twice""",
}


def database(running: Running) -> "psycopg.Connection[Any]":
    """Connect to the site's database."""
    return psycopg.connect(Services(running.state).database_url, autocommit=True)


def end_of_log(connection: "psycopg.Connection[Any]") -> int:
    """Return the position of the last event."""
    ((position,),) = connection.execute("SELECT max(position) FROM events").fetchall()
    return int(position)


def events_of_orders(connection: "psycopg.Connection[Any]", after: int) -> dict[str, list[str]]:
    """Return the event types of each order, in order of the log."""
    types: dict[str, list[str]] = {}
    query = """
        SELECT aggregate_id::text, event_type FROM events
         WHERE position > %s AND aggregate_type = 'order' ORDER BY position"""
    for order_id, event_type in connection.execute(query, [after]):
        types.setdefault(order_id, []).append(event_type)
    return types


def wait_until_caught_up(connection: "psycopg.Connection[Any]") -> float:
    """Wait until every checkpoint is at the end of the log. Return the seconds. Raises AssertionError."""
    started = time.monotonic()
    query = """
        SELECT min(position) >= (SELECT max(position) FROM events) FROM projections_checkpoint WHERE space = ''"""
    while connection.execute(query).fetchone() != (True,):
        if time.monotonic() > started + CATCH_UP_SECONDS:
            raise AssertionError(f"the read models have not caught up after {CATCH_UP_SECONDS} s")
        time.sleep(0.05)
    return time.monotonic() - started


def find_problems(running: Running, connection: "psycopg.Connection[Any]", before: int) -> list[str]:
    """Of what is written after the position `before`, and of the views; the books' own sums among them."""
    problems = []
    for name, counting in COUNTS.items():
        ((count,),) = connection.execute(counting, {"before": before}).fetchall()
        if count:
            problems.append(f"{count} {name}")
    for command, bad in (("rebuild_projections", ("added", "changed")), ("check_projections", ("should be",))):
        arguments = ["--dry-run"] if command == "rebuild_projections" else []
        try:
            output = running.manage(command, *arguments)
        except AssertionError as error:
            output = f"{bad[0]}: {error}"
        if any(word in output for word in bad):
            problems.append(f"{command}: {output}")
    return problems
