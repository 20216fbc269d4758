"""Erase the personal data of a subject, and rotate the master keys."""

from collections.abc import Iterable
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from eventstore.decider import Decider, HistoryRules, register
from eventstore.dispatch import Answer, Context, dispatch
from eventstore.errors import CommandRefused
from eventstore.messages import command, event
from eventstore.models import CommandReceipt, Event, QueuedCommand, Snapshot, SubjectKey
from eventstore.personal_data import encryption, in_the_clear

_NAMES = UUID("7f0d0c52-3c0b-4a58-9f6b-6f8f6f0f2a11")


@event("subject.erased", subject=("subject_id",))
class SubjectErased:
    """A subject's personal data is unreadable from now on.

    The event itself holds no personal data. Read models replace the data by `ERASED`.
    """

    subject_id: UUID


@command("subject.erase")
class EraseSubject:
    """Record that a subject is erased. Use `erase`, which also destroys the key."""

    subject_id: UUID


def _decide(command: EraseSubject, erased: bool) -> list[SubjectErased]:
    if erased:
        raise CommandRefused(
            "subject_erased", "the personal data of {subject_id} was already erased", subject_id=command.subject_id
        )
    return [SubjectErased(subject_id=command.subject_id)]


register(
    Decider(
        aggregate_type="subject",
        initial=False,
        decide=_decide,
        evolve=lambda erased, event: True,
        # Not the subject's own id: a guest's subject id is the order's id, which already names an aggregate.
        identify=lambda command: uuid5(_NAMES, str(command.subject_id)),
        history=HistoryRules(begun_by=(SubjectErased,)),
    ),
    [EraseSubject],
)


def aggregates_of(subject_id: UUID, candidates: Iterable[UUID] = ()) -> set[UUID]:
    """Return the aggregates that hold personal data of a subject.

    Old events may hold it in the clear only, and then no column says so. So the subject's own id, which a guest's order
    has, and the `candidates` are looked up too.
    """
    events = Event.objects.filter(subject_id=subject_id).order_by()
    named = in_the_clear.subjects_of({subject_id, *candidates}).items()
    return {
        *events.values_list("aggregate_id", flat=True).distinct(),
        *(aggregate_id for aggregate_id, about in named if about == subject_id),
    }


def erase(subject_id: UUID, context: Context, *, candidates: Iterable[UUID] = ()) -> Answer:
    """Destroy a subject's key, record the erasure, and delete receipts and snapshots of the subject's aggregates.

    All in one transaction. The read models are updated by the event. `candidates` are as in `aggregates_of`. Raises
    CommandRefused if the subject is unknown or already erased.
    """
    with transaction.atomic():
        aggregate_ids = aggregates_of(subject_id, candidates)
        if aggregate_ids:
            encryption.keys_or_none([subject_id])  # a subject may have no key yet: one without a key is not erased
        key = SubjectKey.objects.select_for_update().filter(pk=subject_id).first()
        if key is None:
            raise CommandRefused(
                "no_such_subject", "the log holds no personal data of {subject_id}", subject_id=subject_id
            )
        key.wrapped_key, key.erased_at = None, timezone.now()
        key.save()
        CommandReceipt.objects.filter(aggregate_id__in=aggregate_ids).delete()
        Snapshot.objects.filter(aggregate_id__in=aggregate_ids).delete()
        # Waiting commands can stay: their bodies are unreadable now, so the worker will refuse them.
        done = QueuedCommand.objects.exclude(status=QueuedCommand.Status.WAITING)
        done.filter(Q(owner_id=subject_id) | Q(aggregate_id__in=aggregate_ids)).delete()
        transaction.on_commit(lambda: encryption.forget(subject_id))
        return dispatch(EraseSubject(subject_id=subject_id), context)


def rotate(batch: int = 1000) -> int:
    """Wrap all subject keys with the first master key. Return how many keys were wrapped again. Raises WrongKey.

    Readers and writers can continue: each batch of keys is a separate transaction, and both master keys stay in use
    until all batches are done.
    """
    current = next(iter(encryption.masters()))
    count = 0
    while True:
        with transaction.atomic():
            outdated = SubjectKey.objects.exclude(master=current).exclude(wrapped_key=None).select_for_update()
            keys = list(outdated.order_by("pk")[:batch])
            for key in keys:
                stored = encryption.StoredKey(key.subject_id, bytes(key.wrapped_key or b""), key.master)
                wrapped = encryption.wrap(key.subject_id, encryption.unwrap(stored))
                key.wrapped_key, key.master = wrapped.wrapped, wrapped.master
            SubjectKey.objects.bulk_update(keys, ["wrapped_key", "master"])
        count += len(keys)
        if len(keys) < batch:
            return count
