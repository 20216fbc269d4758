"""A database of a benchmark's own, on servers of the benchmarks' own that wait for the disk, gone when it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from ordersite.devstack.servers import Services

STATE = Path(__file__).resolve().parents[1] / ".local" / "bench"
services = Services(STATE)


def connect() -> psycopg.Connection:
    """A connection of psycopg's own to the benchmark's database, each statement a transaction by itself."""
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)


def scalar(statement: LiteralString) -> Any:
    """The one value that a statement gives."""
    with connect() as own:
        row = own.execute(statement).fetchone()
    return row[0] if row else None


@contextmanager
def database() -> Iterator[None]:
    """Django, set up on an empty database with every migration applied; Valkey too."""
    found_running = services.up
    if not found_running:
        services.start()
    maintenance = f"{services.database_url.rsplit('/', 1)[0]}/postgres"
    name = f"bench_{os.getpid()}"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    os.environ["DATABASE_URL"] = f"{maintenance.rsplit('/', 1)[0]}/{name}"
    os.environ["REDIS_URL"] = services.redis_url
    os.environ["ORDERSITE_STATE"] = str(STATE)
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    try:
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0)
        yield
        connections.close_all()
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        if not found_running:
            services.stop()
