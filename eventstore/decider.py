"""What an aggregate is to the write path: three plain functions and where to start. Plain Python."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventstore.errors import UndeclaredMessage

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[S, C, E]):
    """An aggregate's rules.

    `decide(command, state)` says what happens, or raises CommandRefused; `evolve(state, event)` only remembers it, so
    replaying a history never runs a rule again. `identify(command)` is the aggregate a command is meant for.

    Commands that `begin` an aggregate are decided on the initial state at first, without a look at the log: where there
    is such an aggregate already, their append is refused. Where `evolve` leaves personal fields alone, `reads_personal`
    is false, and they stay encrypted while a history is loaded.

    A snapshot of the state is taken every `snapshot_every` events. Raise `state_version` when `evolve` comes to mean
    something else by the same fields: older snapshots are then ignored, as they are when the fields themselves change.
    """

    aggregate_type: str
    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    identify: Callable[[C], UUID]
    begin: tuple[type, ...] = ()
    reads_personal: bool = True
    state_version: int = 1
    snapshot_every: int = 100


_DECIDERS: dict[type, Decider[Any, Any, Any]] = {}
_AGGREGATES: dict[str, Decider[Any, Any, Any]] = {}


def register(decider: Decider[S, C, E], commands: Sequence[type], *, main: bool = True) -> None:
    """Say which aggregate takes these commands; called once, when the application starts.

    A type of aggregate has one main decider, whose state is the aggregate's to everybody else.
    """
    if main:
        _AGGREGATES[decider.aggregate_type] = decider
    for cls in commands:
        _DECIDERS[cls] = decider


def decider_of(command: object) -> Decider[Any, Any, Any]:
    """The aggregate that takes `command`. Raises UndeclaredMessage."""
    try:
        return _DECIDERS[type(command)]
    except KeyError:
        raise UndeclaredMessage(f"no aggregate takes {type(command).__qualname__}; register its decider") from None


def decider_named(aggregate_type: str) -> Decider[Any, Any, Any]:
    """The rules of a type of aggregate. Raises UndeclaredMessage."""
    try:
        return _AGGREGATES[aggregate_type]
    except KeyError:
        raise UndeclaredMessage(f"no decider is registered for aggregates of the type {aggregate_type!r}") from None


def commands_of(aggregate_type: str) -> list[type]:
    """The commands that aggregates of a type take."""
    return [cls for cls, decider in _DECIDERS.items() if decider.aggregate_type == aggregate_type]
