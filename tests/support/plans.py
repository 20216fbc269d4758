"""Read the plans of the statements that are really sent, as PostgreSQL reports them when it runs them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

LARGE = 2000  # rows; a table with fewer may be read as a whole
STOPS_EARLY = 0.1  # share of a full scan's cost; a limited scan below it is expected to stop early


@contextmanager
def explained(*, generic: bool) -> Iterator[list[dict[str, Any]]]:
    """Yield a list of the plans of all statements that this connection runs, also inside functions and triggers.

    `generic` uses the plan of a prepared statement, which does not depend on the values.
    """
    plans: list[dict[str, Any]] = []

    def collect(notice: Any) -> None:
        message = notice.message_primary or ""
        if "plan:" in message:
            plans.append(json.loads(message.partition("plan:")[2]))

    settings = {
        "client_min_messages": "notice",
        "auto_explain.log_level": "notice",
        "auto_explain.log_format": "json",
        "auto_explain.log_nested_statements": "on",
        "auto_explain.log_min_duration": "0",
        "plan_cache_mode": "force_generic_plan" if generic else "force_custom_plan",
    }
    with connection.cursor() as cursor:
        cursor.execute("LOAD 'auto_explain'")
        for name, value in settings.items():
            cursor.execute(f"SET {name} = {value}")
    psycopg_connection = connection.connection
    psycopg_connection.add_notice_handler(collect)
    try:
        yield plans
    finally:
        psycopg_connection.remove_notice_handler(collect)
        with connection.cursor() as cursor:
            for name in reversed(settings):
                cursor.execute(f"RESET {name}")


def large_tables() -> set[str]:
    """Return the names of the tables with at least `LARGE` rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= %s", [LARGE])
        return {name for (name,) in cursor.fetchall()}


def whole_tables(plan: dict[str, Any], large: set[str]) -> Iterator[str]:
    """Yield the large tables that a plan reads as a whole, unless it is expected to stop early."""
    yield from _scans(plan["Plan"], large, budget=float("inf"))


def _scans(node: dict[str, Any], large: set[str], *, budget: float) -> Iterator[str]:
    if node.get("Parent Relationship") == "InitPlan" and "Filter" not in node:
        return  # EXISTS: stops at the first row
    if node["Node Type"] == "Limit":
        budget = node["Total Cost"]
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large:
        if budget > node["Total Cost"] * STOPS_EARLY:
            yield node["Relation Name"]
    elif node["Node Type"] in {"Sort", "Aggregate", "Hash", "Materialize"}:
        budget = float("inf")  # it reads all rows before it returns any
    for inner in node.get("Plans", ()):
        yield from _scans(inner, large, budget=budget)


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a node of a plan and all nodes below it."""
    yield node
    for inner in node.get("Plans", ()):
        yield from nodes(inner)
