"""What nothing but a test may do to the log: change it."""

from typing import Any

from django.db import connection

from eventstore import personal


def behind_the_logs_back(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events DISABLE TRIGGER events_append_only")
        cursor.execute(statement, values)
        cursor.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only")


def empty() -> None:
    """As a site is before anything was recorded there."""
    behind_the_logs_back("TRUNCATE events, command_receipts, snapshots, subject_keys")
    personal._remembered.clear()
