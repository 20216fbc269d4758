"""What all SQL on the log's tables needs: a cursor, and the announcement that makes an append safe for readers."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

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


_UNKNOWN = b"26000"  # the SQLSTATE of a prepared statement that PostgreSQL does not know


class Prepared:
    """The statements that one connection has prepared, sent to libpq without a cursor.

    A cursor of psycopg's does more in Python than the rest of a short statement takes: without one, a whole command
    costs a tenth less (docs/decisions/39). Values and rows are still psycopg's to convert. Only where each statement
    is a transaction by itself: nothing here begins one.
    """

    MOST = 100  # as many as psycopg itself keeps prepared on a connection

    def __init__(self, own: psycopg.Connection[Any]) -> None:
        self.own = own
        self._names: dict[str, bytes] = {}
        self._numbers = count()
        self._conversion = Transformer(own)

    def takes(self, statement: str) -> bool:
        """Whether it can be sent from here, now."""
        return (
            self.own.autocommit
            and self.own.prepare_threshold is not None
            and (statement in self._names or len(self._names) < self.MOST)
        )

    def fetched(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows that a statement gives. Raises psycopg.Error."""
        dumped = self._conversion.dump_sequence(values, [PyFormat.TEXT] * len(values))
        result = self._sent(statement, dumped)
        if result.error_field(DiagnosticField.SQLSTATE) == _UNKNOWN:
            # psycopg has PostgreSQL forget all of them when a transaction is rolled back. This one was not run.
            self._names.clear()
            result = self._sent(statement, dumped)
        if result.status != ExecStatus.TUPLES_OK:
            raise self._error(result)
        self._conversion.set_pgresult(result)
        return self._conversion.load_rows(0, result.ntuples, tuple)

    def _sent(self, statement: str, dumped: Any) -> PGresult:
        name = self._names.get(statement)
        if name is None:
            name = b"log_%d" % next(self._numbers)
            result = self.own.pgconn.prepare(name, _numbered(statement).encode())
            if result.status != ExecStatus.COMMAND_OK:
                return result
            self._names[statement] = name
        return self.own.pgconn.exec_prepared(name, dumped)

    def _error(self, result: PGresult) -> psycopg.Error:
        error = error_from_result(result, self.own.info.encoding)
        if self.own.pgconn.status != ConnStatus.OK and not isinstance(error, psycopg.OperationalError):
            return psycopg.OperationalError(str(error))  # the server went without a word, so libpq knows no code
        return error


def fetched(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows that a prepared statement gives, with PostgreSQL's own placeholders or psycopg's. Raises as Django does.

    In a transaction by psycopg's cursor, which begins it where it has not begun yet.
    """
    wrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.connection is None:
        wrapper.ensure_connection()
    own = wrapper.connection
    prepared: Prepared | None = getattr(wrapper, "_prepared", None)
    if prepared is None or prepared.own is not own:
        prepared = wrapper._prepared = Prepared(own)  # type: ignore[attr-defined]  # as long as the connection lives
    try:
        if prepared.takes(statement):
            return prepared.fetched(statement, values)
        with psycopg.RawCursor(own) as cursor:
            return cursor.execute(_numbered(statement), values, prepare=True).fetchall()
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
