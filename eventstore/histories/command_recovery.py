"""The command that brought events about. The log keeps none, but its events mostly say what was asked."""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import reduce
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from eventstore import codec
from eventstore.decider import Decider, commands_of, decider_of
from eventstore.messages import COMMANDS
from eventstore.records import Receipt


class NotRecovered(Exception):
    """No command of today's code brings these events about. The message says why; look at the state instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """An aggregate before a command: its rules, what had happened, and the state that makes."""

    aggregate_id: UUID
    decider: Decider[Any, Any, Any]
    past: Sequence[Any]
    state: Any

    def as_seen_by(self, decider: Decider[Any, Any, Any]) -> Any:
        """The state to the rules of a command, which may be others than the aggregate's main ones."""
        return self.state if decider is self.decider else reduce(decider.evolve, self.past, decider.initial)


def recover_command(before: Before, events: Sequence[Any], receipt: Receipt | None) -> Any:
    """A command that, sent to the aggregate as it was `before`, brings about exactly these events.

    It is the one that the receipt names; without a receipt, the first that does it of those the aggregate takes. Raises
    NotRebuilt.
    """
    if receipt is None:
        candidates = commands_of(before.decider.aggregate_type)
    elif receipt.command_type in COMMANDS:
        candidates = [COMMANDS[receipt.command_type].cls]
    else:
        raise NotRecovered(f"no code declares the command {receipt.command_type!r}")
    reasons = []
    for cls in candidates:
        try:
            return _tried(cls, before, events)
        except NotRecovered as reason:
            reasons.append(str(reason))
    raise NotRecovered("; ".join(reasons))


def _tried(cls: type, before: Before, events: Sequence[Any]) -> Any:
    command = _from(cls, events, before.aggregate_id)
    decider = decider_of(command)
    try:
        meant_for, decided = decider.identify(command), list(decider.decide(command, before.as_seen_by(decider)))
    except Exception as error:  # whatever today's rules raise is what there is to tell
        raise NotRecovered(f"{cls.__name__} raises {type(error).__name__}: {error}") from error
    if meant_for != before.aggregate_id:
        raise NotRecovered(f"{cls.__name__} is for another aggregate")
    if decided != list(events):
        raise NotRecovered(f"{cls.__name__} brings about {_difference(decided, events)}")
    return command


def _from(cls: type, sources: Sequence[Any], aggregate_id: UUID | None = None) -> Any:
    """An instance with the fields of the same names in `sources`; an id that none has is the aggregate's."""
    hints = get_type_hints(cls)
    found = {}
    for each in fields(cls):
        source = next((source for source in sources if hasattr(source, each.name)), None)
        if source is not None:
            found[each.name] = _as(hints[each.name], getattr(source, each.name))
        elif hints[each.name] is UUID and aggregate_id is not None:
            found[each.name] = aggregate_id
        elif each.default is MISSING and each.default_factory is MISSING:
            raise NotRecovered(f"no event says what {each.name!r} of {cls.__name__} was")
    return cls(**found)


def _as(hint: Any, value: Any) -> Any:
    """A value of an event as a command has it: parts of messages become the parts that the command names."""
    if is_dataclass(hint) and isinstance(hint, type) and is_dataclass(value) and not isinstance(value, hint):
        return _from(hint, [value])
    kinds = get_args(hint)
    if get_origin(hint) in (Union, UnionType) and value is not None:
        return _as(next((kind for kind in kinds if kind is not type(None)), hint), value)
    if isinstance(value, tuple | list) and kinds:
        return type(value)(_as(kinds[0], each) for each in value)
    return value


def _difference(decided: Sequence[Any], recorded: Sequence[Any]) -> str:
    """In words, without values: what of the recorded events today's rules make otherwise."""
    names = [codec.type_of(event).name for event in decided]
    if names != [codec.type_of(event).name for event in recorded]:
        return f"{', '.join(names) or 'nothing'} today"
    other = [
        f"{name}.{each.name}"
        for name, new, old in zip(names, decided, recorded, strict=True)
        for each in fields(new)
        if getattr(new, each.name) != getattr(old, each.name)
    ]
    return f"another {', '.join(other)} today"
