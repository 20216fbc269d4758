"""Follow the whole log from a checkpoint, off the path of whoever appends."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from eventstore import store
from eventstore.models import ConsumerCheckpoint
from eventstore.store import Recorded

PAGE = 1000  # events handed over at once


def follow(name: str, take: Callable[[list[Recorded[Any]]], None], *, event_types: Sequence[str] | None = None) -> None:
    """Hand every settled event after the checkpoint `name` to `take`, page by page, each aggregate in order.

    What `take` writes commits together with the checkpoint, so each event counts exactly once. Where somebody else is
    at it already, this leaves it to them. An event that is damaged comes as `store.Damaged`. Whatever `take` raises is
    noted with the checkpoint, which stays where it is, and raised.
    """
    ConsumerCheckpoint.objects.get_or_create(name=name)
    try:
        while _take_page(name, take, event_types):
            pass
    except Exception as error:
        ConsumerCheckpoint.objects.filter(name=name).update(problem=f"{type(error).__name__}: {error}")
        raise


def _take_page(name: str, take: Callable[[list[Recorded[Any]]], None], event_types: Sequence[str] | None) -> bool:
    """Whether there may be another page."""
    with transaction.atomic():
        mark = ConsumerCheckpoint.objects.select_for_update(skip_locked=True).filter(name=name).first()
        if mark is None:
            return False
        page = store.read_after(mark.position, limit=PAGE, event_types=event_types)
        if page.events:
            take(page.events)
        if page.through > mark.position or mark.problem:
            mark.position, mark.problem = page.through, ""
            mark.save()
        return len(page.events) == PAGE


def start_here(name: str) -> None:
    """Begin at what is settled now, unless the consumer began before: what happened earlier is not news to it."""
    ConsumerCheckpoint.objects.get_or_create(name=name, defaults={"position": store.horizon()})
