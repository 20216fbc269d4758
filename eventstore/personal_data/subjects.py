"""The people whose data the log holds, and how they are erased."""

from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone

from eventstore.decider import Decider, register
from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import CommandRefused
from eventstore.messages import command, event
from eventstore.models import CommandReceipt, Event, QueuedCommand, Snapshot, SubjectKey
from eventstore.personal_data import encryption

_NAMES = UUID("7f0d0c52-3c0b-4a58-9f6b-6f8f6f0f2a11")


@event("subject.erased", subject=("subject_id",))
class SubjectErased:
    """Somebody's personal data is unreadable from here on. Holds none itself; views put `ERASED` in its place."""

    subject_id: UUID


@command("subject.erase")
class EraseSubject:
    subject_id: UUID


def _decide(command: EraseSubject, erased: bool) -> list[SubjectErased]:
    if erased:
        raise CommandRefused(
            "subject_erased", "the personal data of {subject_id} was erased before", subject_id=command.subject_id
        )
    return [SubjectErased(subject_id=command.subject_id)]


register(
    Decider(
        aggregate_type="subject",
        initial=False,
        decide=_decide,
        evolve=lambda erased, event: True,
        # Not the subject's own id: a guest's is that of the order, which has a history of its own.
        identify=lambda command: uuid5(_NAMES, str(command.subject_id)),
    ),
    [EraseSubject],
)


def erase(subject_id: UUID, context: Context) -> Answer:
    """Destroy a subject's key, record that, and purge receipts and snapshots of what they did.

    One transaction. The read models follow by the event. Raises CommandRefused where there is no such subject, or no
    longer.
    """
    with transaction.atomic():
        key = SubjectKey.objects.select_for_update().filter(pk=subject_id).first()
        if key is None:
            raise CommandRefused(
                "no_such_subject", "the log holds no personal data of {subject_id}", subject_id=subject_id
            )
        key.wrapped_key, key.erased_at = None, timezone.now()
        key.save()
        theirs = Event.objects.filter(subject_id=subject_id).values("aggregate_id")
        CommandReceipt.objects.filter(aggregate_id__in=theirs).delete()
        Snapshot.objects.filter(aggregate_id__in=theirs).delete()
        # What still waits in the queue is unreadable from here on, and will be refused.
        QueuedCommand.objects.filter(owner_id=subject_id).exclude(status=QueuedCommand.Status.WAITING).delete()
        transaction.on_commit(lambda: encryption.forget(subject_id))
        return dispatch(EraseSubject(subject_id=subject_id), context)


def rotate(batch: int = 1000) -> int:
    """Wrap with the environment's first key all keys that another one wraps; returns how many. Raises WrongKey.

    Readers and writers go on: each batch is a transaction of its own, and both keys are known until it is done.
    """
    current = next(iter(encryption.masters()))
    count = 0
    while True:
        with transaction.atomic():
            others = SubjectKey.objects.exclude(master=current).exclude(wrapped_key=None).select_for_update()
            keys = list(others.order_by("pk")[:batch])
            for key in keys:
                stored = encryption.StoredKey(key.subject_id, bytes(key.wrapped_key or b""), key.master)
                wrapped = encryption.wrap(key.subject_id, encryption.unwrap(stored))
                key.wrapped_key, key.master = wrapped.wrapped, wrapped.master
            SubjectKey.objects.bulk_update(keys, ["wrapped_key", "master"])
        count += len(keys)
        if len(keys) < batch:
            return count
