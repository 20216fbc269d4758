"""Empties the tables between tests. The log refuses that, whoever asks: the test database's owner lifts the guard."""

from typing import Any

from django.core.management.commands.flush import Command as Flush
from django.db import connection

GUARDED = ("events", "seals")


class Command(Flush):
    def handle(self, **options: Any) -> None:
        with connection.cursor() as cursor:
            for table in GUARDED:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")
            try:
                super().handle(**options)
            finally:
                for table in GUARDED:
                    cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only")
