"""Read the whole log from a checkpoint, in a worker, so that appends do not wait for it."""

from collections.abc import Callable, Sequence

from django.db import transaction

from eventstore import store
from eventstore.errors import summary_of
from eventstore.followers.handling import Consumer, take
from eventstore.models import ConsumerCheckpoint


class OutdatedConsumer(RuntimeError):
    """The previous worker handled event types that this code does not handle, so this code would skip them.

    Restart the worker with the newer release. If a reaction was removed on purpose, set `event_types` of the checkpoint
    to an empty list.
    """


def advance(
    name: str,
    step: Callable[[int], int],
    *,
    event_types: Sequence[str] = (),
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Call `step(position)`, which returns the position it has reached, until it gets no further.

    `goes_on` is asked after each step and can stop earlier. A step and the move of the checkpoint `name` commit in one
    transaction, so each event counts exactly once. If another worker holds the checkpoint, this returns at once. An
    error of `step` is stored with the checkpoint, which does not move, and is raised.

    `event_types` are the types that the step handles. Raises OutdatedConsumer if the checkpoint names more types.
    """
    ConsumerCheckpoint.objects.get_or_create(name=name)
    try:
        while _advance_once(name, step, event_types) and goes_on():
            pass
    except Exception as error:
        ConsumerCheckpoint.objects.filter(name=name).update(problem=summary_of(error))
        raise


def follow(consumer: Consumer) -> None:
    """Let a consumer handle every settled event after its checkpoint, page by page, each aggregate's events in order.

    An event that it cannot handle is parked, with the later events of its aggregate. Stops after the first page that is
    not full: a later commit wakes a worker again. Waiting for an empty page would mean reading ever smaller pages as
    long as others append. Checkpoint and errors: see `advance`.
    """
    page_was_full = True

    def step(position: int) -> int:
        nonlocal page_was_full
        page = store.read_after(position, limit=consumer.page, event_types=consumer.event_types or None)
        page_was_full = len(page.events) == consumer.page
        take(consumer, page.events)
        return page.through

    advance(consumer.name, step, event_types=consumer.event_types, goes_on=lambda: page_was_full)


def start_here(name: str) -> None:
    """Create the checkpoint `name` at the current horizon, so that older events are skipped.

    Does nothing if the checkpoint exists.
    """
    ConsumerCheckpoint.objects.get_or_create(name=name, defaults={"position": store.horizon()})


def require_all_types(checkpoint: ConsumerCheckpoint, event_types: Sequence[str]) -> None:
    """Raise OutdatedConsumer if the checkpoint names a type that is not among `event_types`."""
    if missing := sorted(set(checkpoint.event_types) - set(event_types)):
        raise OutdatedConsumer(f"{checkpoint.name} also handled {', '.join(missing)}: restart with the newer release")


def _advance_once(name: str, step: Callable[[int], int], event_types: Sequence[str]) -> bool:
    """Run one step and move the checkpoint in the same transaction; return whether it moved."""
    with transaction.atomic():
        checkpoint = ConsumerCheckpoint.objects.select_for_update(skip_locked=True).filter(name=name).first()
        if checkpoint is None:
            return False
        require_all_types(checkpoint, event_types)
        reached = step(checkpoint.position)
        moved = reached > checkpoint.position
        if moved or checkpoint.problem or checkpoint.event_types != list(event_types):
            checkpoint.position, checkpoint.problem, checkpoint.event_types = reached, "", list(event_types)
            checkpoint.save()
        return moved
