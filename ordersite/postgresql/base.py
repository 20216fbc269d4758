"""The `ENGINE` of DATABASES: Django loads `DatabaseWrapper` from here.

Fast path: poll the socket instead of `SELECT 1`; measured in docs/decisions/33-token-owner.md.
"""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Check a connection without a round trip.

    With CONN_HEALTH_CHECKS, Django sends `SELECT 1` before the first query of each request. But a server that ends a
    connection sends a message first, and the message waits in the socket. If the socket has no data and nothing failed
    on the connection, it is as usable as just after a `SELECT 1`.
    """

    def is_usable(self) -> bool:
        """Return whether the connection is alive; send `SELECT 1` only if there is a doubt."""
        if self.connection is not None and not self.errors_occurred and not self.connection.closed:
            socket = select.poll()
            socket.register(self.connection.fileno(), select.POLLIN)
            if not socket.poll(0):
                return True
        usable: bool = super().is_usable()
        return usable
