"""Keep read models in step with the log: each event takes effect exactly once, whatever is killed or sent twice.

A projection's rows and its checkpoint change in one transaction, under a lock on the checkpoint. The worker reads the
log itself, from the checkpoint to the horizon: messages only say that it is time to look.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, get_args

from django.db import InterfaceError, OperationalError, models, transaction
from django.utils import timezone

from eventstore import store
from eventstore.messages import EVENT_TYPES
from eventstore.store import Recorded
from projections.checkpoints import Checkpoint, ParkedEvent
from projections.rows import Rows

log = logging.getLogger(__name__)

BATCH = 2000  # events folded in memory before they are written

P = TypeVar("P", bound="Projection")
E = TypeVar("E")
Handler = Callable[[Any, Rows, Any, Recorded[Any]], None]


def handles(event_type: type[E]) -> Callable[[Callable[[P, Rows, E, Recorded[E]], None]], Any]:
    """Mark the method of a projection that takes this event: `(self, rows, event, fact)`."""

    def mark(method: Callable[[P, Rows, E, Recorded[E]], None]) -> Any:
        method.event_type = event_type  # type: ignore[attr-defined]  # read once, when the class is made
        return method

    return mark


class Projection:
    """A read model: its tables, and a method for each event that changes them.

    `complete` names a union of events that all have to have a handler: `manage.py check` names those that have none.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[type[models.Model], ...]]
    complete: ClassVar[Any] = None
    handlers: ClassVar[dict[type, Handler]]

    def __init_subclass__(cls) -> None:
        cls.handlers = {method.event_type: method for method in vars(cls).values() if hasattr(method, "event_type")}
        PROJECTIONS[cls.name] = cls()

    @classmethod
    def forgotten(cls) -> list[str]:
        """The events that `complete` names and no method handles."""
        return [event.__name__ for event in get_args(cls.complete) if event not in cls.handlers]

    @property
    def event_types(self) -> list[str]:
        return [EVENT_TYPES[event].name for event in self.handlers]

    def handle(self, rows: Rows, fact: Recorded[Any]) -> None:
        self.handlers[type(fact.event)](self, rows.of(fact), fact.event, fact)


PROJECTIONS: dict[str, Projection] = {}


class UnknownProjection(LookupError):
    """No projection has this name. The message lists those there are."""


def projection_named(name: str) -> Projection:
    """Raises UnknownProjection."""
    try:
        return PROJECTIONS[name]
    except KeyError:
        raise UnknownProjection(f"no projection is called {name!r}; there are {', '.join(PROJECTIONS)}") from None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a catch-up came. `settled` is false when writers still hold back a part of the log."""

    position: int
    events: int
    level: bool
    settled: bool


def catch_up(
    projection: Projection, *, checkpoint: str | None = None, through: int | None = None, limit: int = BATCH
) -> Progress:
    """Read on to the end of what is settled, or to the position `through`."""
    events = 0
    while True:
        step = advance(projection, checkpoint=checkpoint, through=through, limit=limit)
        events += step.events
        if step.level:
            return Progress(step.position, events, level=True, settled=step.settled)


def advance(
    projection: Projection, *, checkpoint: str | None = None, through: int | None = None, limit: int = BATCH
) -> Progress:
    """Fold and commit one batch. Waits for whoever else is at work on the same checkpoint."""
    name = checkpoint or projection.name
    Checkpoint.objects.get_or_create(name=name)
    with transaction.atomic():
        mark = Checkpoint.objects.select_for_update().get(name=name)
        page = store.read_after(mark.position, through=through, limit=limit, event_types=projection.event_types)
        if page.through > mark.position:
            _project(projection, name, page.events)
            mark.position, mark.last_error = page.through, ""
            mark.save()
    return Progress(page.through, len(page.events), level=len(page.events) < limit, settled=page.settled)


def redrive(projection: Projection) -> int:
    """Try the parked events again, in order; returns how many took effect. Those that still fail stay parked."""
    with transaction.atomic():
        Checkpoint.objects.select_for_update().get(name=projection.name)
        parked = ParkedEvent.objects.filter(projection=projection.name)
        before = set(parked.values_list("position", flat=True))
        aggregates = set(parked.values_list("aggregate_id", flat=True))
        facts = [fact for key in aggregates for fact in store.read_stream(key) if fact.position in before]
        parked.delete()
        _project(projection, projection.name, sorted(facts, key=lambda fact: fact.position))
        return len(before) - parked.count()


def _project(projection: Projection, checkpoint: str, facts: list[Recorded[Any]]) -> None:
    """Fold `facts` and write what they changed; park what cannot be taken.

    Where a batch fails it is halved until the one event that fails is found. That one is parked, and with it the later
    ones of its aggregate; nothing of a failed try is written.
    """
    facts = _without_waiting(checkpoint, facts)
    if not facts:
        return
    try:
        with transaction.atomic():
            rows = Rows(fact.aggregate_id for fact in facts)
            for fact in facts:
                projection.handle(rows, fact)
            rows.write()
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not the event's
    except Exception as error:  # whatever else a handler raises, its event is kept and shown
        if len(facts) > 1:
            middle = len(facts) // 2
            _project(projection, checkpoint, facts[:middle])
            _project(projection, checkpoint, facts[middle:])
            return
        log.exception("%s cannot take the event at %s of %s", checkpoint, facts[0].position, facts[0].aggregate_id)
        _park(checkpoint, facts, "".join(traceback.format_exception(error)))


def _without_waiting(checkpoint: str, facts: list[Recorded[Any]]) -> list[Recorded[Any]]:
    """Parks those of `facts` that come after a parked event of their aggregate; returns the others."""
    aggregates = {fact.aggregate_id for fact in facts}
    parked = ParkedEvent.objects.filter(projection=checkpoint, aggregate_id__in=aggregates)
    behind = set(parked.values_list("aggregate_id", flat=True))
    if behind:
        _park(checkpoint, [fact for fact in facts if fact.aggregate_id in behind], error="")
    return [fact for fact in facts if fact.aggregate_id not in behind]


def _park(checkpoint: str, facts: list[Recorded[Any]], error: str) -> None:
    ParkedEvent.objects.bulk_create(
        ParkedEvent(
            projection=checkpoint,
            position=fact.position,
            aggregate_id=fact.aggregate_id,
            event_type=EVENT_TYPES[type(fact.event)].name,
            error=error,
            parked_at=timezone.now(),
        )
        for fact in facts
    )
