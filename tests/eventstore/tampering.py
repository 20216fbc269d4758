"""What whoever owns the database can do to the log behind its back."""

from typing import Any

from django.db import connection


def behind_the_logs_back(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        for table in ("events", "seals"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")
        cursor.execute(statement, values)
        for table in ("events", "seals"):
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only")
