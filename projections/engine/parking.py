"""What to do about parked events: try them again after a fix, or leave one out, for a reason that is kept."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from eventstore import store
from projections.engine.catch_up import lock_checkpoints
from projections.engine.checkpoints import LIVE, ParkedEvent, SkippedEvent
from projections.engine.folding import Fold
from projections.engine.projection import Projection
from projections.reading import notify


class NotParked(LookupError):
    """There is no such parked event, or it only waits behind another. The message says which to look at."""


class ReasonMissing(ValueError):
    """An event is left out only for a reason, by somebody: both are kept."""


def redrive(projection: Projection, *, aggregate_id: UUID | None = None) -> int:
    """Try the parked events again, in order: all of them, or one aggregate's. Returns how many are parked no more.

    Those that still fail stay parked, with what went wrong this time.
    """
    with transaction.atomic():
        marks = lock_checkpoints(projection)
        parked = ParkedEvent.objects.filter(projection=projection.name, space=LIVE)
        if aggregate_id is not None:
            parked = parked.filter(aggregate_id=aggregate_id)
        waiting = list(parked.all())  # of a query of its own: it is asked again below
        for mark in marks:
            own = {event.position: event.aggregate_id for event in waiting if event.shard == mark.shard}
            fold = Fold(projection=projection, shard=projection.shard(mark.shard, mark.of))
            parked.filter(shard=mark.shard).delete()
            fold.mark_behind(set(own.values()), behind=False)
            streams = (store.read_stream(key, tolerant=True) for key in set(own.values()))
            facts = [fact for stream in streams for fact in stream if fact.position in own]
            fold.take(sorted(facts, key=lambda fact: fact.position))
            notify.announce(projection, {fact.aggregate_id: fact.version for fact in facts})
        return len(waiting) - parked.count()


def skip(projection: Projection, position: int, *, reason: str, by: str) -> int:
    """Leave out a parked event, here and in every rebuild, and try those that wait behind it.

    Returns how many are parked no more. Raises NotParked, ReasonMissing.
    """
    if not reason.strip() or not by.strip():
        raise ReasonMissing("say why the event is left out, and who decided it")
    with transaction.atomic():
        lock_checkpoints(projection)
        parked = ParkedEvent.objects.filter(projection=projection.name, space=LIVE, position=position).first()
        if parked is None:
            raise NotParked(f"{projection.name} has parked no event at {position}; manage.py projections parked")
        if not parked.error:
            raise NotParked(f"the event at {position} only waits behind an earlier one of {parked.aggregate_id}")
        SkippedEvent.objects.update_or_create(
            projection=projection.name,
            position=position,
            defaults={
                "aggregate_id": parked.aggregate_id,
                "event_type": parked.event_type,
                "error": parked.error,
                "reason": reason.strip(),
                "skipped_by": by,
                "skipped_at": timezone.now(),
            },
        )
        return redrive(projection, aggregate_id=parked.aggregate_id)
