"""`ENGINE`: Django loads the class of this name."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """With CONN_HEALTH_CHECKS, Django asks `SELECT 1` at the first query of each request: a round trip before any work.

    A server that ended a connection has said so, and what it said lies in the socket. Where nothing lies there and
    nothing went wrong on it, the connection is as good as a moment after `SELECT 1`.
    """

    def is_usable(self) -> bool:
        if self.connection is not None and not self.errors_occurred and not self.connection.closed:
            asked = select.poll()
            asked.register(self.connection.fileno(), select.POLLIN)
            if not asked.poll(0):
                return True
        usable: bool = super().is_usable()
        return usable
