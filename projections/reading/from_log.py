"""Read a row that its projection has not written yet: it is made from the log."""

from typing import Any, TypeVar

from django.db import models

from eventstore.records import Recorded
from projections.engine.checkpoints import LIVE, ParkedEvent
from projections.engine.projection import Projection
from projections.reading.read_your_writes import NotYetVisible

M = TypeVar("M", bound=models.Model)


def require_logged(facts: list[Recorded[Any]], min_version: int) -> None:
    """Check that an aggregate has reached a version. Raises NotYetVisible.

    Nobody waits for a version that may never come: a client that made one up would occupy a thread for the whole wait.
    """
    if facts[-1].version < min_version:
        raise NotYetVisible(f"{facts[0].aggregate_id} has not reached version {min_version}")


def row_from_log(model: type[M], projection: Projection, facts: list[Recorded[Any]]) -> M:
    """Return the row that these facts make: all of one aggregate, whose row does not exist yet.

    Raises NotYetVisible if the projection could not take one of them; operators see it among the parked events.
    """
    aggregate_id = facts[0].aggregate_id
    if ParkedEvent.objects.filter(projection=projection.name, space=LIVE, aggregate_id=aggregate_id).exists():
        raise NotYetVisible(f"the events of {aggregate_id} are parked")
    return projection.row_as_of(model, aggregate_id, facts)
