"""The start of a process of the worker pool. Import nothing of Django at the top: it is not set up yet."""

import os
from multiprocessing.connection import Connection
from threading import Thread


def start(database: str, parent: Connection) -> None:
    """Set up Django on the database of this name. The process ends when the other end of `parent` is closed.

    The pool calls it before it unpickles the first piece of work, so that work may be any function of the site.
    """
    Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()
    import django  # noqa: PLC0415 - see above

    django.setup()
    from django.db import connection  # noqa: PLC0415

    connection.settings_dict["NAME"] = database  # in tests it differs from the settings


def _end_with(parent: Connection) -> None:
    """Wait for the parent to close its end or to die, then exit. PostgreSQL rolls back what is open."""
    parent.poll(None)
    os._exit(1)
