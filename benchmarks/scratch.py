"""A database of a benchmark's own, on the servers that the tests use, gone when it ends."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import psycopg

from tests import services


@contextmanager
def database() -> Iterator[None]:
    """Django, set up on an empty database with every migration applied."""
    maintenance = os.environ["DATABASE_URL"]
    name = f"benchmark_{os.getpid()}"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    os.environ["DATABASE_URL"] = f"{maintenance.rsplit('/', 1)[0]}/{name}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    try:
        import django  # noqa: PLC0415 - its settings read the environment above

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415
        from django.db import connections  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        yield
        connections.close_all()
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        if services.started:
            services.services.stop()


def seconds(work: Callable[[], object], *, times: int = 9) -> float:
    """The median of several runs."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return median(taken)
