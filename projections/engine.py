"""Keep read models in step with the log: each event takes effect exactly once, whatever is killed or sent twice.

A projection's rows and its checkpoint change in one transaction, under a lock on the checkpoint. The worker reads the
log itself, from the checkpoint to the horizon: messages only say that it is time to look.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar, get_args

from django.db import DatabaseError, DataError, IntegrityError, models, transaction
from django.utils import timezone

from eventstore import store
from eventstore.messages import EVENT_TYPES
from eventstore.records import type_name
from eventstore.store import Recorded
from projections.checkpoints import Checkpoint, ParkedEvent
from projections.rows import Rows

log = logging.getLogger(__name__)

BATCH = 2000  # events folded in memory before they are written

PASSED_OVER = "Not shown:"  # begins the message about events that were passed over before their handler came

P = TypeVar("P", bound="Projection")
E = TypeVar("E")
M = TypeVar("M", bound=models.Model)
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
        return sorted(EVENT_TYPES[event].name for event in self.handlers)

    def handle(self, rows: Rows, fact: Recorded[Any]) -> None:
        if isinstance(fact.event, store.Damaged):
            raise fact.event.error
        self.handlers[type(fact.event)](self, rows.of(fact), fact.event, fact)

    def row_as_of(self, model: type[M], key: Any, facts: list[Recorded[Any]]) -> M:
        """The row of one aggregate as these facts, all of its own, make it: what the view showed then, by today's code.

        Raises MissingRow.
        """
        rows = Rows.detached(*self.tables)
        for fact in facts:
            if type(fact.event) in self.handlers:
                self.handle(rows, fact)
        return rows.get(model, key)


PROJECTIONS: dict[str, Projection] = {}


class UnknownProjection(LookupError):
    """No projection has this name. The message lists those there are."""


def projection_named(name: str) -> Projection:
    """Raises UnknownProjection."""
    try:
        return PROJECTIONS[name]
    except KeyError:
        raise UnknownProjection(f"no projection is called {name!r}; there are {', '.join(PROJECTIONS)}") from None


class OutdatedCode(RuntimeError):
    """This code handles fewer kinds of events than the code that kept the read model so far, and would skip the others.

    Restart the worker with the newer release. Where a handler was removed on purpose, rebuild the projection.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a catch-up came.

    `settled` is false when writers still hold back a part of the log, `busy` true when somebody else is at work.
    """

    position: int = 0
    events: int = 0
    level: bool = True
    settled: bool = True
    busy: bool = False


def catch_up(
    projection: Projection,
    *,
    checkpoint: str | None = None,
    through: int | None = None,
    limit: int = BATCH,
    wait: bool = True,
) -> Progress:
    """Read on to the end of what is settled, or to the position `through`. Raises OutdatedCode."""
    events = 0
    while True:
        step = advance(projection, checkpoint=checkpoint, through=through, limit=limit, wait=wait)
        events += step.events
        if step.level:
            return replace(step, events=events)


def advance(
    projection: Projection,
    *,
    checkpoint: str | None = None,
    through: int | None = None,
    limit: int = BATCH,
    wait: bool = True,
) -> Progress:
    """Fold and commit one batch; where somebody else is at it, wait or give way. Raises OutdatedCode."""
    name = checkpoint or projection.name
    Checkpoint.objects.get_or_create(name=name, defaults={"event_types": projection.event_types})
    with transaction.atomic():
        mark = Checkpoint.objects.select_for_update(skip_locked=not wait).filter(name=name).first()
        if mark is None:
            return Progress(busy=True)
        error = _adopt_event_types(projection, mark)
        page = store.read_after(mark.position, through=through, limit=limit, event_types=projection.event_types)
        if page.through > mark.position or error != mark.last_error:
            _project(projection, name, page.events)
            mark.position, mark.last_error = page.through, error
            mark.save()
    return Progress(
        position=page.through, events=len(page.events), level=len(page.events) < limit, settled=page.settled
    )


def _adopt_event_types(projection: Projection, mark: Checkpoint) -> str:
    """Fences older code, and says what newer code has missed: what was passed over before its handler came."""
    known, handled = set(mark.event_types), set(projection.event_types)
    if known - handled:
        names = ", ".join(sorted(known - handled))
        raise OutdatedCode(
            f"{mark.name} was kept by code that handles {names} too: restart with the newer release; where a handler"
            f" was removed on purpose, rebuild_projections {projection.name}"
        )
    added = handled - known
    if not added:
        return mark.last_error if mark.last_error.startswith(PASSED_OVER) else ""
    mark.event_types = sorted(handled)
    if store.has_before(mark.position, sorted(added)):
        return (
            f"{PASSED_OVER} {', '.join(sorted(added))} up to {mark.position}: run rebuild_projections {projection.name}"
        )
    return ""


def redrive(projection: Projection) -> int:
    """Try the parked events again, in order; returns how many took effect. Those that still fail stay parked."""
    with transaction.atomic():
        Checkpoint.objects.select_for_update().get(name=projection.name)
        parked = ParkedEvent.objects.filter(projection=projection.name)
        before = set(parked.values_list("position", flat=True))
        aggregates = set(parked.values_list("aggregate_id", flat=True))
        streams = (store.read_stream(key, tolerant=True) for key in aggregates)
        facts = [fact for stream in streams for fact in stream if fact.position in before]
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
    except Exception as error:  # whatever else a handler raises, its event is kept and shown
        if isinstance(error, DatabaseError) and not isinstance(error, DataError | IntegrityError):
            raise  # the database's trouble, or a migration that is not applied: not the event's
        if len(facts) > 1:
            middle = len(facts) // 2
            _project(projection, checkpoint, facts[:middle])
            _project(projection, checkpoint, facts[middle:])
            return
        log.exception("%s cannot take the event at %s of %s", checkpoint, facts[0].position, facts[0].aggregate_id)
        summary = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        _park(checkpoint, facts, f"{summary}\n\n{''.join(traceback.format_exception(error))}")


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
            event_type=type_name(fact.event),
            error=error,
            parked_at=timezone.now(),
        )
        for fact in facts
    )
