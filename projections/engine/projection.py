"""The base class of projections: a read model's tables, and a method for each event that changes their rows."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, get_args

from django.db import models

from eventstore.errors import CorruptEvent
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
    """Mark a method of a projection as the handler of these events.

    The method is called as `method(self, rows, event, fact)`: `rows` is the UnitOfWork, `event` the event, and `fact`
    the event's envelope with its version, position and time.

    With `in_every_shard`, every shard takes the event, and the handler may change rows of other aggregates, but only
    those that `rows.where` returns. Each shard changes its own rows.
    """

    def register(method: Callable[[P, UnitOfWork, E, Recorded[E]], None]) -> Any:
        method.event_types = event_types  # type: ignore[attr-defined]  # read once, when the class is created
        method.in_every_shard = in_every_shard  # type: ignore[attr-defined]  # the same
        return method

    return register


@dataclass(frozen=True, slots=True)
class Invariant:
    """Two sums that must always be equal. `words` names them; `left` and `right` can be any values that compare."""

    words: str
    left: Any
    right: Any

    @property
    def holds(self) -> bool:
        """Whether both sides are equal."""
        return bool(self.left == self.right)


class Projection:
    """The code of one read model: its tables, and a handler for each event that changes them.

    To add a read model, subclass this, declare `name` and `tables`, and mark a method for each event with `@handles`.
    Defining the class registers one instance in PROJECTIONS.

    - `name`: the key of the projection in checkpoints, commands and metrics.
    - `tables`: the models of its rows, which no other projection writes.
    - `version`: raise it when a handler makes other rows from old events. The read model then asks for a rebuild, and
      workers of the older release can no longer write.
    - `shards`: how many shards it has at first. Workers catch up the shards in parallel.
    - `total_order`: the rows depend on the order of events of different aggregates, so there is only one shard.
    - `cached`: single rows are cached for readers in Valkey.
    - `rank`: the joint catch-up takes low ranks first. Give a low rank if people wait to read what they changed.
    - `complete`: a union of events that must all have a handler; `manage.py check` reports those without one.
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
        """Return the class names of the events that `complete` contains and no method handles."""
        return [event.__name__ for event in get_args(cls.complete) if event not in cls.handlers]

    @property
    def event_types(self) -> list[str]:
        """The wire names of the events that this projection handles, sorted."""
        return sorted(EVENT_TYPES[event].name for event in self.handlers)

    @property
    def types_in_every_shard(self) -> tuple[str, ...]:
        """The wire names of the events that every shard takes."""
        return tuple(
            EVENT_TYPES[event].name for event, method in self.handlers.items() if getattr(method, "in_every_shard", 0)
        )

    @property
    def row_tables(self) -> Iterator[type[ReadModel]]:
        """The tables whose rows are about one aggregate each."""
        return (model for model in self.tables if issubclass(model, ReadModel))

    def shard(self, number: int, shard_count: int) -> Shard:
        """Return shard `number` of `shard_count`, to read only the events that this shard takes."""
        return Shard(number, shard_count, self.types_in_every_shard)

    def invariants(self) -> Iterator[Invariant]:
        """Yield the sums of the tables that must be equal, for `check_projections`. Override it to add some."""
        return iter(())

    def handle(self, rows: UnitOfWork, fact: Recorded[Any]) -> None:
        """Call the handler of this fact's event. Raises what the handler raises, or the error of a damaged event."""
        if isinstance(fact.event, Damaged):
            raise fact.event.error
        handler = self.handlers[type(fact.event)]
        handler(self, rows.of(fact, only_where=getattr(handler, "in_every_shard", False)), fact.event, fact)

    def row_as_of(self, model: type[M], key: Any, facts: list[Recorded[Any]]) -> M:
        """Return the row that these facts of one aggregate make, without the database.

        This is the row as it was after the last of the facts, made by today's code. Raises MissingRow, CorruptEvent.
        """
        return self.rows_as_of(facts).get(model, key)

    def rows_as_of(self, facts: list[Recorded[Any]], *, skipped: Collection[int] = ()) -> UnitOfWork:
        """Return the rows that these facts make, without the database.

        Facts at `skipped` positions change no columns except the version. Raises CorruptEvent if a fact cannot be
        taken.
        """
        rows = UnitOfWork.detached(self)
        try:
            for fact in facts:
                if fact.position in skipped:
                    rows.pass_over(fact)
                elif type(fact.event) in self.handlers:
                    self.handle(rows, fact)
            rows.show()
        except Exception as error:  # as for the live rows, whose event is then parked
            raise CorruptEvent(f"{self.name} cannot take these events: {error!r}") from error
        return rows


PROJECTIONS: dict[str, Projection] = {}
"""Every projection by name, in the order in which the classes are defined."""


class UnknownProjection(LookupError):
    """No projection has this name. The message lists the names."""


def projection_named(name: str) -> Projection:
    """Return the projection of this name. Raises UnknownProjection."""
    try:
        return PROJECTIONS[name]
    except KeyError:
        raise UnknownProjection(f"no projection is called {name!r}; there are {', '.join(PROJECTIONS)}") from None
