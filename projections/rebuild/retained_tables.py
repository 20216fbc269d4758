"""Retained tables: those that a swap replaced, and read models as they stood. Erasures must reach them too."""

from collections.abc import Iterable
from typing import Any

from eventstore.personal_data.subjects import SubjectErased
from eventstore.sharding import Shard
from eventstore.store import Recorded
from projections.engine.checkpoints import LIVE, Checkpoint
from projections.engine.projection import Projection
from projections.engine.unit_of_work import UnitOfWork
from projections.rebuild import schemas
from projections.rebuild.models import Build


def erase_in_retained(projection: Projection, shard: Shard, facts: Iterable[Recorded[Any]]) -> None:
    """Apply the erasures among these facts to the shard's rows in every retained set of tables.

    This is part of the live transaction. Tables that are being filled get the event from the log.
    """
    erasures = [fact for fact in facts if isinstance(fact.event, SubjectErased)]
    for space in _retained_spaces(projection) if erasures else ():
        with schemas.use_space(space):
            rows = UnitOfWork(projection, (), shard)
            for fact in erasures:
                projection.handle(rows, fact)
            rows.write()


def _retained_spaces(projection: Projection) -> list[str]:
    retained = Checkpoint.objects.filter(projection=projection.name).exclude(space=LIVE)
    being_filled = Build.objects.filter(projection=projection.name, state__in=Build.OPEN)
    names = set(retained.values_list("space", flat=True)) - set(being_filled.values_list("space", flat=True))
    return sorted(name for name in names if schemas.exists(name) and schemas.fits(projection, name))
