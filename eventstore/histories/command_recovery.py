"""Recover the command that caused some events. The log stores no commands, but its events hold most of their fields."""

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
    """No command of the current code leads to these events. The message says why; check the state instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateBefore:
    """An aggregate before a command: its rules, its earlier events, and the state they lead to."""

    aggregate_id: UUID
    decider: Decider[Any, Any, Any]
    events: Sequence[Any]
    state: Any

    def state_for(self, decider: Decider[Any, Any, Any]) -> Any:
        """Return the state for the rules of a command; they may differ from the aggregate's main rules."""
        return self.state if decider is self.decider else reduce(decider.evolve, self.events, decider.initial)


def recover_command(before: AggregateBefore, events: Sequence[Any], receipt: Receipt | None) -> Any:
    """Return a command that leads from the aggregate `before` to exactly these events.

    It is of the type that the receipt names. Without a receipt, all commands of the aggregate are tried, and the first
    that fits is returned. Raises NotRecovered.
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
            return _try_command(cls, before, events)
        except NotRecovered as reason:
            reasons.append(str(reason))
    raise NotRecovered("; ".join(reasons))


def _try_command(cls: type, before: AggregateBefore, events: Sequence[Any]) -> Any:
    """Return a command of this class that leads to these events. Raises NotRecovered."""
    command = _build(cls, events, before.aggregate_id)
    decider = decider_of(command)
    try:
        target, decided = decider.identify(command), list(decider.decide(command, before.state_for(decider)))
    except Exception as error:  # any error of the current rules is the reason to report
        raise NotRecovered(f"{cls.__name__} raises {type(error).__name__}: {error}") from error
    if target != before.aggregate_id:
        raise NotRecovered(f"{cls.__name__} is for another aggregate")
    if decided != list(events):
        raise NotRecovered(f"{cls.__name__} brings about {_difference(decided, events)}")
    return command


def _build(cls: type, sources: Sequence[Any], aggregate_id: UUID | None = None) -> Any:
    """Build an instance from the fields of the same names in `sources`.

    A UUID field that no source has becomes the aggregate's id. Raises NotRecovered for a required field without source.
    """
    hints = get_type_hints(cls)
    values = {}
    for each in fields(cls):
        source = next((source for source in sources if hasattr(source, each.name)), None)
        if source is not None:
            values[each.name] = _convert(hints[each.name], getattr(source, each.name))
        elif hints[each.name] is UUID and aggregate_id is not None:
            values[each.name] = aggregate_id
        elif each.default is MISSING and each.default_factory is MISSING:
            raise NotRecovered(f"no event says what {each.name!r} of {cls.__name__} was")
    return cls(**values)


def _convert(hint: Any, value: Any) -> Any:
    """Convert a value of an event to the type that the command declares, also inside tuples, lists and optionals."""
    if is_dataclass(hint) and isinstance(hint, type) and is_dataclass(value) and not isinstance(value, hint):
        return _build(hint, [value])
    arguments = get_args(hint)
    if get_origin(hint) in (Union, UnionType) and value is not None:
        return _convert(next((each for each in arguments if each is not type(None)), hint), value)
    if isinstance(value, tuple | list) and arguments:
        return type(value)(_convert(arguments[0], each) for each in value)
    return value


def _difference(decided: Sequence[Any], recorded: Sequence[Any]) -> str:
    """Describe how the decided events differ from the recorded ones, without any values."""
    names = [codec.type_of(event).name for event in decided]
    if names != [codec.type_of(event).name for event in recorded]:
        return f"{', '.join(names) or 'no event'} today"
    differing = [
        f"{name}.{each.name}"
        for name, new, old in zip(names, decided, recorded, strict=True)
        for each in fields(new)
        if getattr(new, each.name) != getattr(old, each.name)
    ]
    return f"another {', '.join(differing)} today"
