"""Make the defaults of the test database hostile, as an owner of a server might, for as long as a test runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import connection, connections

HOSTILE = {
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "gin_fuzzy_search_limit": "1",
    "bytea_output": "escape",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "extra_float_digits": "-15",
    "synchronous_commit": "off",
    "client_encoding": "LATIN1",
    "TimeZone": "Asia/Kathmandu",
}
"""For each setting that the site relies on, a default that would do harm."""


@contextmanager
def hostile_defaults(settings: Mapping[str, str]) -> Iterator[None]:
    """Set defaults of the database, which every new session gets, and connect anew; undo both at the end."""
    alter = f"ALTER DATABASE {connection.ops.quote_name(connection.settings_dict['NAME'])}"
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute(f"{alter} SET {name} = %s", [value])
    connections.close_all()
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f"{alter} RESET ALL")
        connections.close_all()
