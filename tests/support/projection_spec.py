"""Read models as given/when/then: these events, projected, give these rows.

Every example is also run doubled, by wake-ups that come twice and at once; delivered again from an earlier checkpoint;
in other batch sizes; in several shards; and through a rebuild. A projection for
which any of these differ fails.
"""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import models, transaction

from eventstore import store
from eventstore.codec import Metadata
from eventstore.ids import new_id
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
    """Appends the events to the log, one aggregate each order, as if they had occurred an hour apart."""

    def __init__(self, *events: OrderEvent) -> None:
        versions: dict[UUID, int] = {}
        for hours, event in enumerate(events):
            version = versions.get(event.order_id, 0)
            store.append([write(event, version, hours)])
            versions[event.order_id] = version + 1

    def project(self, name: str) -> "Projected":
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
        assert joint_catch_up.advance([projection]).special == [], "it is left to somebody else"
        assert contents(projection) == expected, "brought level with other views, it has other rows"
        if not projection.total_order:
            divide(projection, 3)
            empty(projection)
            catch_up(projection, limit=1)
            assert contents(projection) == expected, "shards give other rows"
            divide(projection, 1)
        report = rebuild(projection)
        assert all(table.identical for table in report.differences), f"rebuilt differs: {report.differences}"
        assert contents(projection) == expected, "the rebuilt tables differ"
        assert not ParkedEvent.objects.exists(), "something could not be taken"
        return Projected(projection)


def _woken_twice_at_once(projection: Projection) -> None:
    """Two workers answer the same wake-up, batch by batch."""
    with at_once(*[lambda: catch_up(projection, limit=1)] * 2):
        pass


def _from_each_earlier_checkpoint(projection: Projection, expected: dict[str, Any]) -> None:
    """A worker dies after each number of events, its batch undone, and what it had read is delivered again."""
    for taken in range(1, 4):
        empty(projection)
        advance(projection, 0, CatchUpOptions(limit=taken))
        at_rest = contents(projection)
        with suppress(_Killed), transaction.atomic():
            catch_up(projection)
            raise _Killed
        assert contents(projection) == at_rest, "a batch that was not committed left something behind"
        catch_up(projection)
        assert contents(projection) == expected, f"delivered again after {taken}, the events give other rows"


class _Killed(Exception):
    pass


class Projected:
    def __init__(self, projection: Projection) -> None:
        self.projection = projection

    def then(self, model: type[models.Model], *rows: dict[str, Any]) -> "Projected":
        """Exactly these rows; of each, the columns that are named."""
        found = list(model._default_manager.order_by("pk"))
        shown = [
            {name: getattr(row, name) for name in row_expected} for row, row_expected in zip(found, rows, strict=False)
        ]
        assert shown == list(rows)
        assert len(found) == len(rows)
        return self


def write(event: OrderEvent, expected_version: int, hours: int = 0) -> store.Write:
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
    )


def contents(projection: Projection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of a projection."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in projection.tables}


def empty(projection: Projection) -> None:
    for model in projection.tables:
        model._default_manager.all().delete()
    Checkpoint.objects.filter(projection=projection.name).update(position=0)
