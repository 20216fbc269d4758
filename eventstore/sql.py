"""Run SQL on the log's tables: a cursor, prepared statements, and the announcement that each append makes.

Fast path: `fetch_all` sends short prepared statements through libpq instead of through a cursor of Django or psycopg;
measured in docs/decisions/39 and docs/performance.md.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connection, connections
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from eventstore.limits.times import EARLIEST, LATEST

RECORDED_AT = f"CASE WHEN e.timestamp >= '{EARLIEST}' AND e.timestamp < '{LATEST}' THEN e.timestamp END"
"""In SQL, the recorded time of the event `e`, or NULL if the log does not accept it.

PostgreSQL stores times that Python does not have, such as infinity. psycopg would fail for the whole page of rows.
"""

ANNOUNCE = """
SELECT pg_advisory_xact_lock_shared(4711, ((last_value - (NOT is_called)::int) & 2147483647)::int),
       CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
  FROM events_position_seq
"""
"""Run it before a position is taken, in the same transaction: no reader reads past it until the transaction ends.

It also makes the commit wait for the disk, whatever the session's default is: an acknowledged event is never lost.
"""


@contextmanager
def cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """Yield a cursor with server-side binding on Django's connection. Prepared statements need one."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as opened:
        yield opened


_UNKNOWN_STATEMENT = b"26000"  # the SQLSTATE for a prepared statement that PostgreSQL does not have


class PreparedStatements:
    """The prepared statements of one connection, executed through libpq without a cursor.

    Fast path: `psycopg.pq` instead of a psycopg cursor; measured in docs/decisions/39. For a short statement, a cursor
    does more work in Python than all the rest. Without one, a whole command costs a tenth less. psycopg still converts
    values and rows.

    For autocommit only, where each statement is a transaction by itself: this class begins no transaction.
    """

    MAX_STATEMENTS = 100  # psycopg's own limit for a connection

    def __init__(self, psycopg_connection: psycopg.Connection[Any]) -> None:
        self.connection = psycopg_connection
        self._names: dict[str, bytes] = {}
        self._numbers = count()
        self._transformer = Transformer(psycopg_connection)

    def can_run(self, statement: str) -> bool:
        """Return whether this class can execute the statement in the connection's current state."""
        return (
            self.connection.autocommit
            and self.connection.prepare_threshold is not None
            and (statement in self._names or len(self._names) < self.MAX_STATEMENTS)
        )

    def fetch_all(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Execute a statement and return all its rows. Raises psycopg.Error."""
        parameters = self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
        result = self._execute(statement, parameters)
        if result.error_field(DiagnosticField.SQLSTATE) == _UNKNOWN_STATEMENT:
            # On a rollback, psycopg deallocates all prepared statements. This one was not executed: prepare it again.
            self._names.clear()
            result = self._execute(statement, parameters)
        if result.status != ExecStatus.TUPLES_OK:
            raise self._error_of(result)
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, tuple)

    def _execute(self, statement: str, parameters: Any) -> PGresult:
        name = self._names.get(statement)
        if name is None:
            name = b"log_%d" % next(self._numbers)
            result = self.connection.pgconn.prepare(name, _number_placeholders(statement).encode())
            if result.status != ExecStatus.COMMAND_OK:
                return result
            self._names[statement] = name
        return self.connection.pgconn.exec_prepared(name, parameters)

    def _error_of(self, result: PGresult) -> psycopg.Error:
        error = error_from_result(result, self.connection.info.encoding)
        if self.connection.pgconn.status != ConnStatus.OK and not isinstance(error, psycopg.OperationalError):
            return psycopg.OperationalError(str(error))  # the server closed the connection, so there is no SQLSTATE
        return error


def fetch_all(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Execute a prepared statement and return all its rows.

    Placeholders are psycopg's (`%s`) or PostgreSQL's (`$1`). Inside a transaction psycopg's cursor executes the
    statement, because it begins the transaction if needed. Raises Django's database errors.
    """
    wrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.connection is None:
        wrapper.ensure_connection()
    psycopg_connection = wrapper.connection
    prepared: PreparedStatements | None = getattr(wrapper, "_prepared", None)
    if prepared is None or prepared.connection is not psycopg_connection:
        # Stored on Django's wrapper: prepared statements live as long as their connection.
        prepared = wrapper._prepared = PreparedStatements(psycopg_connection)  # type: ignore[attr-defined]
    try:
        if prepared.can_run(statement):
            return prepared.fetch_all(statement, values)
        with psycopg.RawCursor(psycopg_connection) as cursor:
            return cursor.execute(_number_placeholders(statement), values, prepare=True).fetchall()
    except psycopg.Error:
        with wrapper.wrap_database_errors:
            raise


def placeholder_numberer() -> Callable[[str], str]:
    """Return a function that replaces each `%s` by `$1`, `$2` and so on, counting on from call to call."""
    numbers = count(1)
    return lambda pattern: re.sub("%s", lambda _: f"${next(numbers)}", pattern)


@cache
def _number_placeholders(statement: str) -> str:
    return placeholder_numberer()(statement)


_FAILURES = (
    "08",  # connection
    "25",  # transaction state, such as a read-only replica
    "26",  # a prepared statement is gone
    "28",  # login
    "3D",  # no such database
    "3F",  # no such schema
    "40",  # rolled back, such as a deadlock
    "42",  # a missing table, column or right: a missing migration
    "53",  # out of memory, disk or connections
    "55",  # not available, such as a lock
    "57",  # shut down or cancelled
    "58",  # the operating system
    "XX001",  # a damaged table
    "XX002",  # a damaged index
)
"""The SQLSTATEs, or their first characters, of failures that have nothing to do with the values of a statement."""

_READ_ONLY = "25006"
_OUTAGES = (
    "08",
    _READ_ONLY,
    "25P03",  # the transaction was idle for too long
    "25P04",  # the transaction took too long
    *("26", "28", "3D", "40", "53", "55", "57", "58"),
)
"""Those of `_FAILURES` that pass without a change of the schema or of the code."""


def is_failure_of_the_database(error: BaseException) -> bool:
    """Return whether an error is a failure of the database or of its schema, not of the values that were sent or read.

    The same statement may then succeed later, so whoever follows the log waits. Any other error comes back for the same
    event, so the event has to be set aside.
    """
    if not isinstance(error, DatabaseError | InterfaceError | psycopg.Error):
        return False
    return _has_state(error, _FAILURES)


def is_outage(error: BaseException) -> bool:
    """Return whether the database cannot do a statement now but may do the same one later, without any repair.

    A missing table or right is a failure of the database too, but no outage: waiting does not help.
    """
    return _has_state(error, _OUTAGES)


def is_read_only(error: BaseException) -> bool:
    """Return whether a statement failed because nothing may be written now, as on a standby."""
    return _sqlstate_of(error) == _READ_ONLY


def _sqlstate_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error of psycopg or of Django; None for any other, and without the server's answer."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    return cause.sqlstate if isinstance(cause, psycopg.Error) else None


def _has_state(error: BaseException, states: tuple[str, ...]) -> bool:
    """Return whether the error's SQLSTATE begins with one of `states`, or the server gave no answer."""
    if not isinstance(error, DatabaseError | InterfaceError | psycopg.Error):
        return False
    state = _sqlstate_of(error)
    if state is None:  # no answer from the server, or a value that psycopg cannot convert
        return isinstance(error, OperationalError | InterfaceError | psycopg.OperationalError | psycopg.InterfaceError)
    return state.startswith(states)
