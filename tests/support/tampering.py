"""What whoever owns the database can do to the log behind its back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from eventstore.personal_data import encryption

GUARDED = """
SELECT tgrelid::regclass::text, tgname FROM pg_trigger
 WHERE tgname IN ('events_append_only', 'seals_append_only') ORDER BY tgrelid
"""


@contextmanager
def unguarded() -> Iterator[Any]:
    """The log's triggers disabled, on its partitions too: as its owner, and nobody else, can do."""
    with connection.cursor() as cursor:
        cursor.execute(GUARDED)
        guarded = cursor.fetchall()
        for table, trigger in guarded:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        try:
            yield cursor
        finally:
            for table, trigger in guarded:
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def behind_the_logs_back(statement: str, *values: Any) -> None:
    with unguarded() as cursor:
        cursor.execute(statement, values)


def empty() -> None:
    """As a site is before anything was recorded there."""
    behind_the_logs_back("TRUNCATE events, command_receipts, snapshots, subject_keys")
    encryption._key_cache.clear()
