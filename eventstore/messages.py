"""Declare events and commands: frozen dataclasses under stable wire names.

Plain Python: the rules of a domain import this module, and it imports nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


class DuplicateName(ValueError):
    """Two messages claim one wire name. Give the newer one another name: the log already uses this one."""


class UnclearSubject(TypeError):
    """An event has personal fields and does not say whose. Give @event the fields that name the person as `subject`."""


@dataclass(frozen=True, slots=True)
class EventType:
    """What the log stores of an event's class: the wire name and the version of its shape.

    `personal` are the fields that are encrypted; `subject` the fields that name the person, the first that is set.
    """

    name: str
    schema_version: int
    cls: type
    personal: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandType:
    """A command's wire name and the fields that do not count when two commands are compared."""

    name: str
    incidental: tuple[str, ...]
    cls: type


Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

EVENTS: dict[str, EventType] = {}
UPCASTERS: dict[tuple[str, int], Upcaster] = {}
EVENT_TYPES: dict[type, EventType] = {}
COMMANDS: dict[str, CommandType] = {}
COMMAND_TYPES: dict[type, CommandType] = {}
GUARDS: dict[str, type] = {}
GUARD_NAMES: dict[type, str] = {}


def personal() -> Any:
    """Declare a field of an event, a text, as personal: the log stores it encrypted under its subject's key."""
    return field(metadata={"personal": True})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, personal))
def event(name: str, *, schema_version: int = 1, subject: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Declare an event.

    `name` is what the log stores, so the class may be renamed. Raise `schema_version` whenever the shape changes.
    `subject` names the fields that say whose the personal fields are; the first that is set counts.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        hidden = tuple(each.name for each in fields(frozen) if each.metadata.get("personal"))
        if hidden and not subject:
            raise UnclearSubject(f"{name!r} has the personal fields {', '.join(hidden)} and names no subject")
        declared = EventType(name, schema_version, frozen, hidden, subject)
        EVENT_TYPES[frozen] = _claim(EVENTS, name, declared)
        return frozen  # type: ignore[no-any-return]  # still the class that was decorated

    return decorate


def upcaster(name: str, *, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Declare how an event stored as `from_version` becomes one of the next version: a function from dict to dict.

    The dict is the stored JSON. Upcasters are chained, so each one knows only its own two versions.
    """

    def decorate(function: Upcaster) -> Upcaster:
        if UPCASTERS.setdefault((name, from_version), function) is not function:
            raise DuplicateName(f"{name!r} has two upcasters from version {from_version}")
        return function

    return decorate


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def command(name: str, *, incidental: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Declare a command.

    `incidental` are the fields that whoever sends the command adds to what was asked, such as the new id it makes up or
    the buyer's name today: sending the same request again carries others, and is a repeat all the same.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        declared = CommandType(name, incidental, frozen)
        COMMAND_TYPES[frozen] = _claim(COMMANDS, name, declared)
        return frozen

    return decorate


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def guard(name: str) -> Callable[[type[T]], type[T]]:
    """Declare a guard: what a command's sender may see, checked on the state before the rules are asked.

    A class with `__call__(self, state)`, which raises CommandRefused. Under its name it is kept with a queued command.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        if GUARDS.setdefault(name, frozen) is not frozen:
            raise DuplicateName(f"{name!r} names two guards")
        GUARD_NAMES[frozen] = name
        return frozen

    return decorate


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Declare a part of messages: a frozen dataclass that is no message by itself."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


D = TypeVar("D", EventType, CommandType)


def _claim(registry: dict[str, D], name: str, declared: D) -> D:
    taken = registry.setdefault(name, declared)
    if taken is not declared:
        raise DuplicateName(f"{name!r} names both {taken.cls.__qualname__} and {declared.cls.__qualname__}")
    return declared
