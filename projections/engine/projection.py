"""What a projection is: its tables, and a method for each event that changes their rows."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, get_args

from django.db import models

from eventstore.messages import EVENT_TYPES
from eventstore.sharding import Shard
from eventstore.store import Damaged, Recorded
from projections.engine.unit_of_work import ReadModel, UnitOfWork

P = TypeVar("P", bound="Projection")
E = TypeVar("E")
M = TypeVar("M", bound=models.Model)
Handler = Callable[[Any, UnitOfWork, Any, Recorded[Any]], None]


def handles(
    *event_types: type[E], in_every_shard: bool = False
) -> Callable[[Callable[[P, UnitOfWork, E, Recorded[E]], None]], Any]:
    """Mark the method of a projection that takes these events: `(self, rows, event, fact)`.

    With `in_every_shard` it may change rows of other aggregates than the event's, by `rows.where` and in no other way:
    each shard then takes the event in its own order, and changes the rows that are its own.
    """

    def mark(method: Callable[[P, UnitOfWork, E, Recorded[E]], None]) -> Any:
        method.event_types = event_types  # type: ignore[attr-defined]  # read once, when the class is made
        method.in_every_shard = in_every_shard  # type: ignore[attr-defined]  # the same
        return method

    return mark


@dataclass(frozen=True, slots=True)
class Invariant:
    """Two sums that have to be equal whatever happened, in words; either side is anything that can be compared."""

    words: str
    left: Any
    right: Any

    @property
    def holds(self) -> bool:
        return bool(self.left == self.right)


class Projection:
    """A read model: its tables, and a method for each event that changes them.

    `version` is raised when handlers change what they make of old events: the view then builds itself anew, and workers
    of the older release can no longer write. `shards` is into how many parts it is divided at first, each worked on by
    itself; `total_order` forbids that, for a view whose rows depend on the order of different aggregates' events.
    `cached` has single rows kept for readers in Valkey. In which `rank` a view is brought level: before those of later
    turns where people wait to read what they changed. `complete` names a union of events that all have to have a
    handler: `manage.py check` names those that have none.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[type[models.Model], ...]]
    version: ClassVar[int] = 1
    shards: ClassVar[int] = 1
    total_order: ClassVar[bool] = False
    cached: ClassVar[bool] = False
    rank: ClassVar[int] = 2
    complete: ClassVar[Any] = None
    handlers: ClassVar[dict[type, Handler]]

    def __init_subclass__(cls) -> None:
        methods = [method for method in vars(cls).values() if isinstance(getattr(method, "event_types", None), tuple)]
        cls.handlers = {event: method for method in methods for event in method.event_types}
        if cls.total_order and cls.shards != 1:
            raise TypeError(f"{cls.__name__} needs the total order: it cannot be divided into {cls.shards} shards")
        PROJECTIONS[cls.name] = cls()

    @classmethod
    def missing_handlers(cls) -> list[str]:
        """The events that `complete` names and no method handles."""
        return [event.__name__ for event in get_args(cls.complete) if event not in cls.handlers]

    @property
    def event_types(self) -> list[str]:
        return sorted(EVENT_TYPES[event].name for event in self.handlers)

    @property
    def types_in_every_shard(self) -> tuple[str, ...]:
        """The wire names of the events that come in every shard."""
        return tuple(
            EVENT_TYPES[event].name for event, method in self.handlers.items() if getattr(method, "in_every_shard", 0)
        )

    @property
    def row_tables(self) -> Iterator[type[ReadModel]]:
        """The tables that hold a row about an aggregate."""
        return (model for model in self.tables if issubclass(model, ReadModel))

    def shard(self, number: int, of: int) -> Shard:
        return Shard(number, of, self.types_in_every_shard)

    def invariants(self) -> Iterator[Invariant]:
        """What has to hold between the sums of its tables; looked at by `check_projections`."""
        return iter(())

    def handle(self, rows: UnitOfWork, fact: Recorded[Any]) -> None:
        if isinstance(fact.event, Damaged):
            raise fact.event.error
        handler = self.handlers[type(fact.event)]
        handler(self, rows.of(fact, only_where=getattr(handler, "in_every_shard", False)), fact.event, fact)

    def row_as_of(self, model: type[M], key: Any, facts: list[Recorded[Any]]) -> M:
        """The row of one aggregate as these facts, all of its own, make it: what the view showed then, by today's code.

        Raises MissingRow.
        """
        return self.rows_as_of(facts).get(model, key)

    def rows_as_of(self, facts: list[Recorded[Any]], *, skipped: Collection[int] = ()) -> UnitOfWork:
        """What these facts make, from nothing, without the database; those at `skipped` positions are left out."""
        rows = UnitOfWork.detached(self)
        for fact in facts:
            if fact.position in skipped:
                rows.pass_over(fact)
            elif type(fact.event) in self.handlers:
                self.handle(rows, fact)
        rows.show()
        return rows


PROJECTIONS: dict[str, Projection] = {}


class UnknownProjection(LookupError):
    """No projection has this name. The message lists those there are."""


def projection_named(name: str) -> Projection:
    """Raises UnknownProjection."""
    try:
        return PROJECTIONS[name]
    except KeyError:
        raise UnknownProjection(f"no projection is called {name!r}; there are {', '.join(PROJECTIONS)}") from None
