"""An aggregate as the write path sees it: its rules as plain functions, and its initial state.

Plain Python: domain rules import this module.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventstore.errors import UndeclaredMessage

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRules(Generic[S, E]):
    """What every history of an aggregate type obeys. `import_history` refuses a file with any other.

    The first event, and no other, is one of `begun_by`; if it is empty, any is. Each event has the aggregate's id in
    its field `id_field`, unless that is empty. `require_possible(before, event, after)` raises CorruptEvent if an event
    that `evolve` takes cannot have led from one state to the other, or if the state after it is impossible.
    """

    begun_by: tuple[type, ...] = ()
    id_field: str = ""
    require_possible: Callable[[S, E, S], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends a command, as `Decider.accompany` sees it.

    `extra` is what the sender's code stores with the events. `occurred_at` is set for what is reported late.
    `fingerprint` is the digest of the command, in hexadecimal digits.
    """

    actor: str
    extra: Mapping[str, str]
    occurred_at: datetime | None
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider(Generic[S, C, E]):
    """An aggregate's rules.

    `decide(command, state)` returns the events that happen, or raises CommandRefused. `evolve(state, event)` returns
    the next state and checks nothing, so replaying a history never runs a rule again. `identify(command)` returns the
    id of the aggregate that the command is for.

    `begin` lists the commands that begin an aggregate. Their first attempt is decided on the initial state, without
    reading the log. If the aggregate already exists, the append is refused and the command is decided again.

    Set `reads_personal` to false if `evolve` does not read personal fields. The fields then stay encrypted while a
    history is loaded.

    `subject(state, aggregate_id)` returns the person whom an aggregate that has begun is about: events with the subject
    `OF_AGGREGATE` hold texts about this person. None for an aggregate that has not begun: its first event then names
    the person.

    `history` is checked when histories of other sites are imported, never when events are appended or loaded.

    A snapshot of the state is taken every `snapshot_every` events. Raise `state_version` when `evolve` gives the same
    fields a new meaning: older snapshots are then ignored. A change of the fields themselves needs no new version.

    `accompany(command, state, events, sender)` returns commands to other aggregates that must be done with these
    events, or not at all: a limit to count, an approval to use. All events are appended in one transaction, and the
    refusal of any of these commands refuses the first one.
    """

    aggregate_type: str
    initial: S
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    identify: Callable[[C], UUID]
    begin: tuple[type, ...] = ()
    subject: Callable[[S, UUID], UUID | None] = lambda state, aggregate_id: None
    reads_personal: bool = True
    state_version: int = 1
    snapshot_every: int = 100
    history: HistoryRules[S, E] = HistoryRules()
    accompany: Callable[[C, S, Sequence[E], Sender], Sequence[object]] | None = None


_DECIDERS: dict[type, Decider[Any, Any, Any]] = {}
_AGGREGATES: dict[str, Decider[Any, Any, Any]] = {}


def register(decider: Decider[S, C, E], commands: Sequence[type], *, main: bool = True) -> None:
    """Register the decider that handles these commands. Call it once, when the application starts.

    An aggregate type has one main decider. Its state is what all other code sees as the aggregate's state.
    """
    if main:
        _AGGREGATES[decider.aggregate_type] = decider
    for cls in commands:
        _DECIDERS[cls] = decider


def decider_of(command: object) -> Decider[Any, Any, Any]:
    """Return the decider that handles `command`. Raises UndeclaredMessage."""
    try:
        return _DECIDERS[type(command)]
    except KeyError:
        raise UndeclaredMessage(f"no decider handles {type(command).__qualname__}: register one") from None


def decider_named(aggregate_type: str) -> Decider[Any, Any, Any]:
    """Return the main decider of an aggregate type. Raises UndeclaredMessage."""
    try:
        return _AGGREGATES[aggregate_type]
    except KeyError:
        raise UndeclaredMessage(f"no decider is registered for the aggregate type {aggregate_type!r}") from None


def commands_of(aggregate_type: str) -> list[type]:
    """Return the command classes that an aggregate type handles."""
    return [cls for cls, decider in _DECIDERS.items() if decider.aggregate_type == aggregate_type]
