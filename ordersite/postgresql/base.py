"""The `ENGINE` of DATABASES: Django loads `DatabaseWrapper` from here.

Fast path: poll the socket instead of `SELECT 1`; measured in docs/decisions/33-token-owner.md.
"""

import select
from typing import Any

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base

from ordersite.postgresql import sessions


class DatabaseWrapper(base.DatabaseWrapper):
    """Set up each session as `sessions` says, check a persistent connection without a round trip, and allow poolers.

    A pooler such as PgBouncer may give each transaction another session of PostgreSQL. Prepared statements and cursors
    that outlive their transaction are then lost, so behind a pooler neither is used. `PREPARED_STATEMENTS` in the
    settings of the database decides about the former; None, the default, asks the connection.

    `TIME_LIMITS` says whether the role's limits of time hold.
    """

    pooled = False
    """Whether a pooler is between this connection and PostgreSQL. Known once it is connected."""
    _first_statements = ""

    def get_new_connection(self, conn_params: dict[str, Any]) -> "psycopg.Connection[Any]":
        """Connect, find out whether to a pooler, and set up the session.

        Raises psycopg.Error, and as `sessions.set_up`.
        """
        connection: psycopg.Connection[Any] = super().get_new_connection(conn_params)
        if self.alias != NO_DB_ALIAS:  # that of Django's test runner, to create databases
            try:
                self.pooled = sessions.is_pooled(connection)
                sessions.set_up(connection)
                limited = bool(self.settings_dict.get("TIME_LIMITS", True))
                if self.pooled:
                    self._first_statements = sessions.pin_for_transaction(connection, limited=limited)
                elif not limited:
                    sessions.lift_time_limits(connection)
            except BaseException:
                connection.close()
                raise
            prepares = self.settings_dict.get("PREPARED_STATEMENTS")
            if not (prepares if prepares is not None else not self.pooled):
                connection.prepare_threshold = None
        return connection

    def _set_autocommit(self, autocommit: bool) -> None:
        """Begin or end a transaction. Behind a pooler it may run in a session that nobody set up."""
        super()._set_autocommit(autocommit)  # type: ignore[misc]  # not in django-stubs
        if self._first_statements and not autocommit:
            with self.wrap_database_errors:
                self.connection.execute(self._first_statements)

    def chunked_cursor(self) -> Any:
        """Return a cursor on the server for `QuerySet.iterator()`, or one in memory if a transaction would end it."""
        self.ensure_connection()
        if self.pooled and not self.in_atomic_block:
            return self.cursor()
        return super().chunked_cursor()

    def is_usable(self) -> bool:
        """Return whether the connection is alive and may write; send a query only if there is a doubt.

        With CONN_HEALTH_CHECKS, Django sends `SELECT 1` before the first query of each request. But a server that ends
        a connection sends a message first, and the message waits in the socket. If the socket has no data and nothing
        failed on the connection, it is as usable as just after a `SELECT 1`.

        A session that may only read is given up after its first error: the server may have become a standby, or its
        owner may have made it read-only for a while. A new session finds out.
        """
        if self.connection is not None and not self.errors_occurred and not self.connection.closed:
            socket = select.poll()
            socket.register(self.connection.fileno(), select.POLLIN)
            if not socket.poll(0):
                return True
        return self.connection is not None and _may_write(self.connection)


def _may_write(connection: psycopg.Connection[Any]) -> bool:
    try:
        return connection.execute("SHOW transaction_read_only").fetchone() == ("off",)
    except psycopg.Error:
        return False
