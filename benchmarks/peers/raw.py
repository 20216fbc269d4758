"""The limit: psycopg alone, with one prepared INSERT of data that is encoded beforehand, into a table like the log.

Such a table gives no guarantees: a reader by position skips events that commit late, and versions can have gaps.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import samples, scratch
from eventstore.ids import new_id

TABLE = "raw_events"
COLUMNS = "event_id, aggregate_id, aggregate_type, event_type, schema_version, event_data, metadata, version"
_VALUES = "(%s, %s, 'order', 'order.edit_staged', 1, %s::jsonb, %s::jsonb, %s)"


def create() -> None:
    """Create the table."""
    with scratch.connect() as own:
        own.execute(f"CREATE TABLE {TABLE} (LIKE events INCLUDING ALL)")


@contextmanager
def appending(events: int) -> Iterator[Callable[[], object]]:
    """Give a function that appends `events` events of a new aggregate in one autocommitted statement."""
    data, metadata = samples.encoded()
    statement = f"INSERT INTO {TABLE} ({COLUMNS}) VALUES {', '.join([_VALUES] * events)} RETURNING position"
    with scratch.connect() as own, own.cursor() as cursor:

        def append() -> None:
            aggregate_id = new_id()
            values: list[object] = []
            for version in range(1, events + 1):
                values += (new_id(), aggregate_id, data, metadata, version)
            cursor.execute(statement, values, prepare=True)
            cursor.fetchall()

        yield append
