"""Leases: locks for work that outlives a transaction, such as a rebuild or a conversion of the log.

A lease is a row with its holder and the time at which it ends. A thread of the holder extends it. It belongs to no
session of PostgreSQL, so it also works behind a pooler that gives each transaction another session. If the holder dies,
the lease ends by itself. docs/decisions/46-leases.md
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from uuid import uuid4

from django.db import DatabaseError, connection, connections

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0  # after the last extension; longer than a restart of PostgreSQL
EXTEND_SECONDS = 5.0  # between two extensions
STOP_SECONDS = 5.0  # how long the end of a lease waits for the thread that extends it


class LeaseHeld(RuntimeError):
    """Another process does this work. Wait until it is done; if it has died, its lease ends by itself."""


class LeaseLost(RuntimeError):
    """This process was stopped for too long, and another one may do its work now. Nothing more was changed."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that this process holds. `owner` tells two holders of one name apart."""

    name: str
    owner: str

    def require(self) -> None:
        """Call it in each transaction that must not run twice. No other process gets the lease until it ends.

        Raises LeaseLost.
        """
        if not self.is_held():
            raise LeaseLost(
                f"{self.name} is not leased to this process any more: it did not run for more than {LEASE_SECONDS:.0f}"
                " s. What it changed so far is kept. Run the command again."
            )

    def is_held(self) -> bool:
        """Return whether no other process took the lease. Inside a transaction, this stays so until it ends."""
        with connection.cursor() as cursor:
            # A key share: it stops a new holder, who deletes the row, but not the thread that extends the lease.
            cursor.execute("SELECT 1 FROM leases WHERE name = %s AND owner = %s FOR KEY SHARE", [self.name, self.owner])
            return cursor.fetchone() is not None


@contextmanager
def hold(name: str) -> Iterator[Lease]:
    """Hold the lease of this name until the end of the block. Begin it outside a transaction. Raises LeaseHeld."""
    lease = Lease(name, str(uuid4()))
    _take(lease)
    over = Event()
    extender = Thread(target=_extend_until, args=(over, lease), name=f"lease {name}", daemon=True)
    extender.start()
    try:
        yield lease
    finally:
        over.set()
        extender.join(STOP_SECONDS)
        _release(lease)


def _take(lease: Lease) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM leases WHERE name = %s AND ends_at <= clock_timestamp()", [lease.name])
        cursor.execute(_INSERT, [lease.name, lease.owner, _this_process(), LEASE_SECONDS])
        if cursor.rowcount:
            return
        cursor.execute(_HOLDER, [lease.name])
        held = cursor.fetchone()
    if held is None:
        raise LeaseHeld(f"another process held {lease.name} until a moment ago: run the command again")
    holder, since, seconds = held
    raise LeaseHeld(
        f"{holder} holds {lease.name} since {since}. Wait until it is done, or stop it. If it has died, its lease"
        f" ends by itself in {max(seconds, 0):.0f} s: run the command again then."
    )


def _extend_until(over: Event, lease: Lease) -> None:
    """Extend the lease now and then, on a connection of this thread."""
    try:
        while not over.wait(EXTEND_SECONDS):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(_EXTEND, [LEASE_SECONDS, lease.name, lease.owner])
            except DatabaseError as error:
                log.warning("the lease of %s could not be extended: %s", lease.name, error)
                connection.close()  # the next attempt opens a new one
    finally:
        connections.close_all()


def _release(lease: Lease) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM leases WHERE name = %s AND owner = %s", [lease.name, lease.owner])
    except DatabaseError as error:  # the error that ended the work is the one to report
        log.warning("the lease of %s could not be ended; it ends by itself: %s", lease.name, error)


def _this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


# The clock of the database, because the clocks of two machines differ.
_INSERT = """
INSERT INTO leases (name, owner, holder, since, ends_at)
VALUES (%s, %s, %s, clock_timestamp(), clock_timestamp() + make_interval(secs => %s)) ON CONFLICT (name) DO NOTHING
"""
_EXTEND = "UPDATE leases SET ends_at = clock_timestamp() + make_interval(secs => %s) WHERE name = %s AND owner = %s"
_HOLDER = """
SELECT holder, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
       extract(epoch FROM ends_at - clock_timestamp())::float
  FROM leases WHERE name = %s
"""
