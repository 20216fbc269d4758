"""A temporary database for a benchmark, on separate durable servers."""

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
    """Connect to the benchmark's database by psycopg, in autocommit mode."""
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)


def scalar(statement: LiteralString) -> Any:
    """Return the first value of a statement's first row."""
    with connect() as own:
        row = own.execute(statement).fetchone()
    return row[0] if row else None


@contextmanager
def database() -> Iterator[None]:
    """Set up Django on a new, migrated database, and Valkey; drop the database at the end."""
    was_running = services.up
    if not was_running:
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
        if not was_running:
            services.stop()
