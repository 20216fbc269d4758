"""What all SQL on the log's tables needs: a cursor, and the announcement that makes an append safe for readers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

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
