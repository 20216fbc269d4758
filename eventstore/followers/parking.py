"""What an operator can do about events that a consumer has parked: retry them, or leave one out for a reason."""

from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from eventstore import store
from eventstore.errors import NotParked, ReasonMissing
from eventstore.followers.consumers import require_all_types
from eventstore.followers.handling import PAGE, Consumer, consumer_named, take
from eventstore.models import ConsumerCheckpoint, ConsumerParkedEvent
from eventstore.wakeups import wakeup


def parked_events(consumer: str | None = None) -> QuerySet[ConsumerParkedEvent]:
    """Return the events that wait for an operator, those of one consumer or of all. Those left out wait no more."""
    parked = ConsumerParkedEvent.objects.exclude(status=ConsumerParkedEvent.Status.LEFT_OUT)
    return parked if consumer is None else parked.filter(consumer=consumer)


def parked_counts() -> dict[str, int]:
    """Return how many parked events each consumer has, without those that have none."""
    return dict(parked_events().order_by("consumer").values_list("consumer").annotate(Count("pk")))


def redrive(name: str, *, aggregate_id: UUID | None = None) -> int:
    """Try a consumer's parked events again in order, all or one aggregate's; return how many are no longer parked.

    An event that fails again stays parked, with the new error. Raises UnknownConsumer, OutdatedConsumer, and the error
    of a failure that has nothing to do with the events; nothing is changed then.
    """
    consumer = consumer_named(name)
    with transaction.atomic():
        _lock_checkpoint(consumer)
        parked = parked_events(name)
        if aggregate_id is not None:
            parked = parked.filter(aggregate_id=aggregate_id)
        positions = list(parked.order_by("position").values_list("position", flat=True))
        parked.delete()
        for start in range(0, len(positions), PAGE):
            take(consumer, store.read_at(positions[start : start + PAGE]))
        # What these events lead to, such as a command that is due now, is done by workers that new events wake.
        transaction.on_commit(wakeup.wake_second_wave, robust=True)
        return len(positions) - parked.count()


def leave_out(name: str, position: int, *, reason: str, by: str) -> int:
    """Leave out a parked event for ever, and retry the events that wait behind it.

    `by` names the operator. Returns how many events are no longer parked. Raises NotParked, ReasonMissing, and as
    `redrive`.
    """
    if not reason.strip() or not by.strip():
        raise ReasonMissing("say why the event is left out, and give the name of the operator")
    with transaction.atomic():
        _lock_checkpoint(consumer_named(name))
        parked = parked_events(name).filter(position=position).first()
        if parked is None:
            raise NotParked(f"{name} has parked no event at {position}; see `manage.py consumers parked`")
        if parked.status == ConsumerParkedEvent.Status.WAITING:
            raise NotParked(
                f"the event at {position} only waits behind an earlier event of {parked.aggregate_id}: skip that one"
            )
        parked.status = ConsumerParkedEvent.Status.LEFT_OUT
        parked.reason, parked.left_out_by, parked.left_out_at = reason.strip(), by, timezone.now()
        parked.save(update_fields=["status", "reason", "left_out_by", "left_out_at"])
        return 1 + redrive(name, aggregate_id=parked.aggregate_id)


def _lock_checkpoint(consumer: Consumer) -> None:
    """Wait until no worker moves the checkpoint, and let none move it until the transaction ends."""
    checkpoint = ConsumerCheckpoint.objects.select_for_update().filter(name=consumer.name).first()
    if checkpoint:
        require_all_types(checkpoint, consumer.event_types)
