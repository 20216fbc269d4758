"""The library `eventsourcing`: its PostgreSQL recorder, in the mode that skips no event and locks the table.

Only the recorder is measured, with state that is encoded beforehand. An application of the library does more.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks import samples
from eventstore.ids import new_id

TABLE = "es_events"


def recorder() -> PostgresApplicationRecorder:
    """Return a recorder with a connection of its own."""
    url = urlsplit(os.environ["DATABASE_URL"])
    datastore = PostgresDatastore(
        dbname=url.path.removeprefix("/"),
        host=str(url.hostname),
        port=str(url.port),
        user=str(url.username),
        password=str(url.password),
        pool_size=1,
        max_overflow=1,
    )
    return PostgresApplicationRecorder(datastore, events_table_name=TABLE)


def create() -> None:
    """Create the library's table."""
    own = recorder()
    own.create_table()
    own.datastore.close()


@contextmanager
def appending(events: int) -> Iterator[Callable[[], object]]:
    """Give a function that appends `events` events of a new aggregate."""
    data, _ = samples.encoded()
    state, own = data.encode(), recorder()

    def append() -> None:
        aggregate_id = new_id()
        own.insert_events(
            [
                StoredEvent(
                    originator_id=aggregate_id, originator_version=version, topic="order.edit_staged", state=state
                )
                for version in range(1, events + 1)
            ]
        )

    yield append
    own.datastore.close()
