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
    """

    aggregate_type: str
    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    identify: Callable[[C], UUID]


_DECIDERS: dict[type, Decider[Any, Any, Any]] = {}


def register(decider: Decider[S, C, E], commands: Sequence[type]) -> None:
    """Say which aggregate takes these commands; called once, when the application starts."""
    for cls in commands:
        _DECIDERS[cls] = decider


def decider_of(command: object) -> Decider[Any, Any, Any]:
    """The aggregate that takes `command`. Raises UndeclaredMessage."""
    try:
        return _DECIDERS[type(command)]
    except KeyError:
        raise UndeclaredMessage(f"no aggregate takes {type(command).__qualname__}; register its decider") from None
