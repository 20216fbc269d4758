"""Where a process of a crew begins: nothing of Django may be imported here, which is not set up yet."""

import os
from multiprocessing.connection import Connection
from threading import Thread


def begin(database: str, chief: Connection) -> None:
    """Set up for the work in the database of that name. The process ends when the other end of `chief` is closed."""
    Thread(target=_end_with, args=(chief,), name="chief", daemon=True).start()
    import django  # noqa: PLC0415 - see above

    django.setup()
    from django.db import connection  # noqa: PLC0415

    connection.settings_dict["NAME"] = database  # tests have one of their own, which no setting names


def fill_share(build_id: int, numbers: list[int]) -> None:
    """Fill these shards of a build. Raises RebuildFailed."""
    from projections.rebuild import fill  # noqa: PLC0415 - see above

    fill.fill_share(build_id, numbers)


def _end_with(chief: Connection) -> None:
    """Nobody is left to tell: whoever began the work closed its end, or died. PostgreSQL rolls back what is open."""
    chief.poll(None)
    os._exit(1)
