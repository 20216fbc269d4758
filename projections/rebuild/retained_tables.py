"""Tables that are kept beside the live ones, replaced or as they stood: who is erased must not live on in them."""

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
    """Erasures among these facts reach the shard's rows in every kept set of tables. Part of the live transaction.

    Tables that somebody is filling come to the event by themselves.
    """
    erasures = [fact for fact in facts if isinstance(fact.event, SubjectErased)]
    for space in _kept(projection) if erasures else ():
        with schemas.use_space(space):
            rows = UnitOfWork(projection, (), shard)
            for fact in erasures:
                projection.handle(rows, fact)
            rows.write()


def _kept(projection: Projection) -> list[str]:
    own = Checkpoint.objects.filter(projection=projection.name).exclude(space=LIVE)
    filled = Build.objects.filter(projection=projection.name, state__in=Build.OPEN)
    names = set(own.values_list("space", flat=True)) - set(filled.values_list("space", flat=True))
    return sorted(name for name in names if schemas.exists(name) and schemas.fits(projection, name))
