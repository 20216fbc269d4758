"""Follow the whole log from a checkpoint, off the path of whoever appends."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from eventstore import store
from eventstore.models import ConsumerCheckpoint
from eventstore.store import Recorded

PAGE = 1000  # events handed over at once


class OutdatedConsumer(RuntimeError):
    """This code hears fewer kinds of events than the code that was at work here before, and would pass over the others.

    Restart the worker with the newer release. Where a reaction was removed on purpose, empty `event_types` of the
    checkpoint.
    """


def advance(
    name: str,
    step: Callable[[int], int],
    *,
    event_types: Sequence[str] = (),
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Call `step(position)`, which returns how far it has come, until it comes no further, or as long as it `goes_on`.

    What a step writes commits together with the checkpoint `name`, so each event counts exactly once. Where somebody
    else is at it already, this leaves it to them. What `step` raises is noted with the checkpoint, which stays where it
    is, and raised. `event_types` are those that count to it: raises OutdatedConsumer where there were more of them.
    """
    ConsumerCheckpoint.objects.get_or_create(name=name)
    try:
        while _advanced(name, step, event_types) and goes_on():
            pass
    except Exception as error:
        ConsumerCheckpoint.objects.filter(name=name).update(problem=f"{type(error).__name__}: {error}")
        raise


def follow(name: str, take: Callable[[list[Recorded[Any]]], None], *, event_types: Sequence[str] | None = None) -> None:
    """Hand every settled event after the checkpoint to `take`, page by page, each aggregate in order.

    It ends with the first page that is not full: who commits meanwhile wakes a worker again, and to wait for an empty
    page would be to read ever smaller ones for as long as others append. Otherwise as `advance`. An event that is
    damaged comes as `store.Damaged`.
    """
    full = True

    def step(position: int) -> int:
        nonlocal full
        page = store.read_after(position, limit=PAGE, event_types=event_types)
        full = len(page.events) == PAGE
        if page.events:
            take(page.events)
        return page.through

    advance(name, step, event_types=event_types or (), goes_on=lambda: full)


def start_here(name: str) -> None:
    """Begin at what is settled now, unless the consumer began before: what happened earlier is not news to it."""
    ConsumerCheckpoint.objects.get_or_create(name=name, defaults={"position": store.horizon()})


def _advanced(name: str, step: Callable[[int], int], event_types: Sequence[str]) -> bool:
    with transaction.atomic():
        mark = ConsumerCheckpoint.objects.select_for_update(skip_locked=True).filter(name=name).first()
        if mark is None:
            return False
        if missing := sorted(set(mark.event_types) - set(event_types)):
            raise OutdatedConsumer(f"{name} heard {', '.join(missing)} too: restart with the newer release")
        reached = step(mark.position)
        moved = reached > mark.position
        if moved or mark.problem or mark.event_types != list(event_types):
            mark.position, mark.problem, mark.event_types = reached, "", list(event_types)
            mark.save()
        return moved
