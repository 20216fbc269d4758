"""Changes to the log that only the owner of the database can make, past its triggers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from eventstore.personal_data import encryption

TRIGGERS = """
SELECT tgrelid::regclass::text, tgname FROM pg_trigger
 WHERE tgname IN ('events_append_only', 'seals_append_only') ORDER BY tgrelid
"""


@contextmanager
def unguarded() -> Iterator[Any]:
    """Disable the triggers of the log, its partitions and its seals inside the block; yield a cursor."""
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        triggers = cursor.fetchall()
        for table, trigger in triggers:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        try:
            yield cursor
        finally:
            for table, trigger in triggers:
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def behind_the_logs_back(statement: str, *values: Any) -> None:
    """Execute a statement with the triggers disabled."""
    with unguarded() as cursor:
        cursor.execute(statement, values)


def empty() -> None:
    """Empty the log and the tables that belong to it, as on a new site."""
    behind_the_logs_back("TRUNCATE events, command_receipts, snapshots, subject_keys")
    encryption._key_cache.clear()
