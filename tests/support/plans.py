"""How PostgreSQL goes about the statements that are really sent: by its own account, and as it runs them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

LARGE = 2000  # rows, from which reading a whole table is worth a look
STOPS_EARLY = 0.1  # of what reading all would cost, below which a page that is full ends a scan soon


@contextmanager
def explained(*, generic: bool) -> Iterator[list[dict[str, Any]]]:
    """The plan of every statement that this connection sends inside the block, also inside functions and triggers.

    `generic`: as a prepared statement is run that has been run before, whatever its values are.
    """
    plans: list[dict[str, Any]] = []

    def noted(notice: Any) -> None:
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
    real = connection.connection
    real.add_notice_handler(noted)
    try:
        yield plans
    finally:
        real.remove_notice_handler(noted)
        with connection.cursor() as cursor:
            for name in reversed(settings):
                cursor.execute(f"RESET {name}")


def large_tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= %s", [LARGE])
        return {name for (name,) in cursor.fetchall()}


def whole_tables(plan: dict[str, Any], large: set[str]) -> Iterator[str]:
    """The large tables that a plan reads from one end to the other, unless it is expected to stop soon."""
    yield from _scans(plan["Plan"], large, budget=float("inf"))


def _scans(node: dict[str, Any], large: set[str], *, budget: float) -> Iterator[str]:
    if node.get("Parent Relationship") == "InitPlan" and "Filter" not in node:
        return  # EXISTS: the first row will do
    if node["Node Type"] == "Limit":
        budget = node["Total Cost"]
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large:
        if budget > node["Total Cost"] * STOPS_EARLY:
            yield node["Relation Name"]
    elif node["Node Type"] in {"Sort", "Aggregate", "Hash", "Materialize"}:
        budget = float("inf")  # it takes all there is before it gives anything
    for inner in node.get("Plans", ()):
        yield from _scans(inner, large, budget=budget)


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of a plan, and all that are under it."""
    yield node
    for inner in node.get("Plans", ()):
        yield from nodes(inner)
