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
    """Set up each session as `sessions` says, and check a persistent connection without a round trip."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, and set up the session. Raises psycopg.Error, and as `sessions.set_up`."""
        connection = super().get_new_connection(conn_params)
        if self.alias != NO_DB_ALIAS:  # that of Django's test runner, to create databases
            try:
                sessions.set_up(connection)
            except BaseException:
                connection.close()
                raise
        return connection

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
