"""Empty the tables between tests, and drop the schemas of rebuilds.

A trigger refuses to empty the log. The owner of the test database disables it.
"""

from typing import Any

from django.core.management.commands.flush import Command as Flush

from tests.support.tampering import unguarded

SCHEMAS = "rebuild|replaced|retiring|audit|as_of|known"


class Command(Flush):
    """Django's flush, for a log that refuses it."""

    def handle(self, **options: Any) -> None:
        with unguarded() as cursor:
            super().handle(**options)
            cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ %s", [f"^({SCHEMAS})_"])
            for (schema,) in cursor.fetchall():
                cursor.execute(f"DROP SCHEMA {schema} CASCADE")
