"""What an operator can do about parked events: retry them after a fix, or leave one out for a recorded reason."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from eventstore import store
from eventstore.errors import NotParked, ReasonMissing
from projections.engine.catch_up import lock_checkpoints
from projections.engine.checkpoints import LIVE, ParkedEvent, SkippedEvent
from projections.engine.folding import Fold
from projections.engine.projection import Projection
from projections.reading import notify


def redrive(projection: Projection, *, aggregate_id: UUID | None = None) -> int:
    """Try the parked events again in order, all of them or one aggregate's, and return how many are no longer parked.

    An event that fails again stays parked, with the new error.
    """
    with transaction.atomic():
        checkpoints = lock_checkpoints(projection)
        parked = ParkedEvent.objects.filter(projection=projection.name, space=LIVE)
        if aggregate_id is not None:
            parked = parked.filter(aggregate_id=aggregate_id)
        waiting = list(parked.all())  # `all()` makes a new query set: `parked` itself is evaluated again below
        for checkpoint in checkpoints:
            own = {event.position: event.aggregate_id for event in waiting if event.shard == checkpoint.shard}
            fold = Fold(projection=projection, shard=projection.shard(checkpoint.shard, checkpoint.of))
            parked.filter(shard=checkpoint.shard).delete()
            fold.mark_behind(set(own.values()), behind=False)
            streams = (store.read_stream(key, tolerant=True) for key in set(own.values()))
            facts = [fact for stream in streams for fact in stream if fact.position in own]
            fold.take(sorted(facts, key=lambda fact: fact.position))
            notify.announce(projection, {fact.aggregate_id: fact.version for fact in facts})
        return len(waiting) - parked.count()


def skip(projection: Projection, position: int, *, reason: str, by: str) -> int:
    """Leave out a parked event, here and in every rebuild, and retry the events that wait behind it.

    `by` names the operator. Returns how many events are no longer parked. Raises NotParked, ReasonMissing.
    """
    if not reason.strip() or not by.strip():
        raise ReasonMissing("say why the event is left out, and give the name of the operator")
    with transaction.atomic():
        lock_checkpoints(projection)
        parked = ParkedEvent.objects.filter(projection=projection.name, space=LIVE, position=position).first()
        if parked is None:
            raise NotParked(f"{projection.name} has parked no event at {position}; see `manage.py projections parked`")
        if not parked.error:
            raise NotParked(
                f"the event at {position} only waits behind an earlier event of {parked.aggregate_id}: skip that one"
            )
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
