"""Empties the tables between tests. The log refuses that, whoever asks: the test database's owner lifts the guard."""

from typing import Any

from django.core.management.commands.flush import Command as Flush
from django.db import connection


class Command(Flush):
    def handle(self, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE events DISABLE TRIGGER events_append_only")
            try:
                super().handle(**options)
            finally:
                cursor.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only")
