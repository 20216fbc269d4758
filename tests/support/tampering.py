"""Changes to the log that only the owner of the database can make, past its triggers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

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


DAMAGE = {
    "after the year 9999": "timestamp = '10000-01-01 11:59:59.999999+00'",
    "at infinity": "timestamp = 'infinity'",
    "before the year 1": "timestamp = '0044-03-15 BC'",
    "in the year 1": "timestamp = '0001-01-01'",
    "happened in the year 1": 'metadata = metadata || \'{"occurred_at": "0001-01-01T00:00:00Z"}\'',
    "happened after the year 9999": 'metadata = metadata || \'{"occurred_at": "9999-12-31T23:59:59-12:00"}\'',
    "happened at no time": 'metadata = metadata || \'{"occurred_at": "2031-02-30T00:00:00Z"}\'',
    "without a time zone": 'metadata = metadata || \'{"occurred_at": "2031-03-31T00:00:00"}\'',
    "without metadata": "metadata = '{}'",
    "with a list as metadata": "metadata = '[]'",
    "with a number as data": "event_data = '1'",
    "with no amount": "event_data = event_data - 'amount'",
    "with an endless amount": 'event_data = event_data || \'{"amount": "Infinity"}\'',
    "with an amount that is no number": 'event_data = event_data || \'{"amount": "NaN"}\'',
    "with an amount of a million digits": 'event_data = event_data || \'{"amount": "1E+999999"}\'',
    "nested too deep": "event_data = event_data || jsonb_build_object('payment_reference',"
    " (repeat('[', 5000) || repeat(']', 5000))::jsonb)",
}
"""What can be wrong with a payment in the log: what it does, as in a SQL UPDATE."""


def change_event(aggregate_id: UUID, changes: str, *, version: int = 2) -> None:
    """Change the columns of one event, as in a SQL UPDATE."""
    statement = f"UPDATE events SET {changes} WHERE aggregate_id = %s AND version = %s"
    behind_the_logs_back(statement, aggregate_id, version)


def empty() -> None:
    """Empty the log and the tables that belong to it, as on a new site."""
    behind_the_logs_back("TRUNCATE events, command_receipts, snapshots, subject_keys")
    encryption._key_cache.clear()
