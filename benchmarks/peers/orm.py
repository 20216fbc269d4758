"""Django's ORM as documented: `bulk_create` in a transaction, with the same columns and keys."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from django.db import connection, models, transaction

from benchmarks import samples, scratch
from eventstore.ids import new_id

TABLE = "orm_events"


class PlainEvent(models.Model):
    """An event as a plain model."""

    position = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    aggregate_id = models.UUIDField()
    aggregate_type = models.CharField(max_length=100)
    event_type = models.CharField(max_length=100)
    schema_version = models.PositiveSmallIntegerField()
    event_data = models.JSONField()
    metadata = models.JSONField()
    version = models.PositiveIntegerField()

    class Meta:
        app_label = "benchmarks"
        managed = False
        db_table = TABLE

    def __str__(self) -> str:
        return f"{self.event_type} {self.position}"


def create() -> None:
    """Create the table."""
    with scratch.connect() as own:
        own.execute(f"CREATE TABLE {TABLE} (LIKE events INCLUDING ALL)")


@contextmanager
def appending(events: int) -> Iterator[Callable[[], object]]:
    """Give a function that appends `events` events of a new aggregate."""
    data, metadata = (msgspec.json.decode(text) for text in samples.encoded())

    def append() -> None:
        aggregate_id = new_id()
        with transaction.atomic():
            PlainEvent._default_manager.bulk_create(
                PlainEvent(
                    event_id=new_id(),
                    aggregate_id=aggregate_id,
                    aggregate_type="order",
                    event_type="order.edit_staged",
                    schema_version=1,
                    event_data=data,
                    metadata=metadata,
                    version=version,
                )
                for version in range(1, events + 1)
            )

    yield append
    connection.close()
