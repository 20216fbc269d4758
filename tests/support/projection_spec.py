"""Examples of projections: given these events, the read model has these rows.

Each example is also run in other batch sizes, by two workers at once, again from earlier checkpoints, together with
other projections, in several shards, and through a rebuild. All of these must give the same rows.
"""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import models, transaction

from eventstore import codec, store
from eventstore.codec import Metadata
from eventstore.ids import new_id
from eventstore.personal_data import encryption
from orders.events import OrderEvent
from projections.engine import joint_catch_up
from projections.engine.catch_up import CatchUpOptions, advance, catch_up
from projections.engine.checkpoints import Checkpoint, ParkedEvent
from projections.engine.projection import Projection, projection_named
from projections.engine.sharding import divide
from projections.rebuild.run import rebuild
from tests.support.clock import AT
from tests.support.threads import at_once


class given:  # noqa: N801 - reads as a sentence
    """Append the events to the log, one hour apart. Each order is an aggregate."""

    def __init__(self, *events: OrderEvent) -> None:
        versions: dict[UUID, int] = {}
        for hours, event in enumerate(events):
            version = versions.get(event.order_id, 0)
            store.append([write(event, version, hours)])
            versions[event.order_id] = version + 1

    def project(self, name: str) -> "Projected":
        """Catch up the projection in every way that must give the same rows."""
        projection = projection_named(name)
        catch_up(projection)
        expected = contents(projection)
        for batch in (1, 2, 3):
            empty(projection)
            catch_up(projection, limit=batch)
            assert contents(projection) == expected, f"batches of {batch} give other rows"
        empty(projection)
        _woken_twice_at_once(projection)
        assert contents(projection) == expected, "a doubled wake-up changes rows"
        _from_each_earlier_checkpoint(projection, expected)
        empty(projection)
        with at_once(*[lambda: joint_catch_up.advance([projection])] * 2):
            pass
        assert joint_catch_up.advance([projection]).special == [], "the projection was not plain"
        assert contents(projection) == expected, "the joint catch-up gives other rows"
        if not projection.total_order:
            divide(projection, 3)
            empty(projection)
            catch_up(projection, limit=1)
            assert contents(projection) == expected, "shards give other rows"
            divide(projection, 1)
        report = rebuild(projection)
        assert all(table.identical for table in report.differences), f"the rebuilt tables differ: {report.differences}"
        assert contents(projection) == expected, "the swapped tables have other rows"
        assert not ParkedEvent.objects.exists(), "an event was parked"
        return Projected(projection)


def _woken_twice_at_once(projection: Projection) -> None:
    """Let two workers catch up at the same time, one event in each batch."""
    with at_once(*[lambda: catch_up(projection, limit=1)] * 2):
        pass


def _from_each_earlier_checkpoint(projection: Projection, expected: dict[str, Any]) -> None:
    """After one, two and three events, let a worker die before its commit, and let another worker read on."""
    for taken in range(1, 4):
        empty(projection)
        advance(projection, 0, CatchUpOptions(limit=taken))
        committed = contents(projection)
        with suppress(_Killed), transaction.atomic():
            catch_up(projection)
            raise _Killed
        assert contents(projection) == committed, "a batch that was not committed has left rows"
        catch_up(projection)
        assert contents(projection) == expected, f"after {taken} events and a crash, the next worker makes other rows"


class _Killed(Exception):
    pass


class Projected:
    """The read model of an example."""

    def __init__(self, projection: Projection) -> None:
        self.projection = projection

    def then(self, model: type[models.Model], *rows: dict[str, Any]) -> "Projected":
        """Assert that the table has exactly these rows, by key. Columns that are not named may hold anything."""
        stored = list(model._default_manager.order_by("pk"))
        actual = [{name: getattr(row, name) for name in expected} for row, expected in zip(stored, rows, strict=False)]
        assert actual == list(rows)
        assert len(stored) == len(rows)
        return self


def write(event: OrderEvent, expected_version: int, hours: int = 0) -> store.Write:
    """Return a write that appends the event, which occurred `hours` after AT, to its order."""
    from datetime import timedelta

    metadata = Metadata(
        actor="service:test",
        command_id=new_id(),
        correlation_id=new_id(),
        occurred_at=AT + timedelta(hours=hours),
    )
    return store.Write(
        aggregate_type="order",
        aggregate_id=event.order_id,
        expected_version=expected_version,
        events=[event],
        metadata=metadata,
        subject_id=person_of(event.order_id),
    )


def person_of(aggregate_id: UUID) -> UUID:
    """Return the person whom an aggregate of the log is about, as its first event says; else the aggregate's own id."""
    first = store.first_of([aggregate_id]).get(aggregate_id)
    if first is None or isinstance(first.event, store.Damaged):
        return aggregate_id
    return encryption.own_subject(codec.type_of(first.event), first.event) or aggregate_id


def contents(projection: Projection) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table of a projection."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in projection.tables}


def empty(projection: Projection) -> None:
    """Delete all rows of a projection, and set its checkpoints to the beginning of the log."""
    for model in projection.tables:
        model._default_manager.all().delete()
    Checkpoint.objects.filter(projection=projection.name).update(position=0)
