"""What all SQL on the log's tables needs: a cursor, and the announcement that makes an append safe for readers."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections

ANNOUNCE = """
SELECT pg_advisory_xact_lock_shared(4711, ((last_value - (NOT is_called)::int) & 2147483647)::int)
  FROM events_position_seq
"""
"""Before any position is taken, in the same transaction: no reader goes beyond until that transaction ends."""


@contextmanager
def cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A server-side-binding cursor on Django's own connection: prepared statements need one."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as opened:
        yield opened


def fetched(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows that a prepared statement gives.

    By a cursor that the connection keeps, because a new one costs more than all else that Python does for a short
    statement; and one that takes PostgreSQL's own placeholders, because a statement of more than 50 parameters would
    otherwise be parsed each time.
    """
    wrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.connection is None:
        wrapper.ensure_connection()
    kept: psycopg.RawCursor[tuple[Any, ...]] | None = getattr(wrapper, "_kept_cursor", None)
    if kept is None or kept.connection is not wrapper.connection:
        kept = psycopg.RawCursor(wrapper.connection)
        wrapper._kept_cursor = kept  # type: ignore[attr-defined]  # one for each connection, as long as it lives
    try:
        return kept.execute(_numbered(statement), values, prepare=True).fetchall()
    except psycopg.Error:
        with wrapper.wrap_database_errors:
            raise


def placeholders() -> Callable[[str], str]:
    """A function that writes `%s, %s` as `$1, $2`, and in its next call goes on with `$3`."""
    numbers = count(1)
    return lambda pattern: re.sub("%s", lambda _: f"${next(numbers)}", pattern)


@cache
def _numbered(statement: str) -> str:
    return placeholders()(statement)
