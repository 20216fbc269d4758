"""Declare events and commands: frozen dataclasses under stable wire names.

Plain Python: domain rules import this module. It imports only the standard library.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


class DuplicateName(ValueError):
    """Two messages claim the same wire name. Give the newer one another name: the log already uses this one."""


class UnclearSubject(TypeError):
    """An event has personal fields but no subject. Pass @event the fields that hold the person's id as `subject`."""


@dataclass(frozen=True, slots=True)
class EventType:
    """The declaration of an event class: its wire name and its schema version.

    `personal` lists the encrypted fields. `subject` lists the fields that may hold the subject's id; the first one that
    is set counts.
    """

    name: str
    schema_version: int
    cls: type
    personal: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandType:
    """The declaration of a command class: its wire name, and the fields ignored when two commands are compared."""

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
    """Declare a text field of an event as personal: the log stores it encrypted under the subject's key."""
    return field(metadata={"personal": True})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, personal))
def event(name: str, *, schema_version: int = 1, subject: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Declare an event.

    The log stores `name`, so the class may be renamed. Raise `schema_version` whenever the shape changes. `subject`
    lists the fields that may hold the subject's id; the first one that is set counts.

    Raises DuplicateName and UnclearSubject.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        personal_fields = tuple(each.name for each in fields(frozen) if each.metadata.get("personal"))
        if personal_fields and not subject:
            raise UnclearSubject(f"{name!r} has the personal fields {', '.join(personal_fields)} but no subject")
        declared = EventType(name, schema_version, frozen, personal_fields, subject)
        EVENT_TYPES[frozen] = _claim(EVENTS, name, declared)
        return frozen  # type: ignore[no-any-return]  # the decorated class

    return decorate


def upcaster(name: str, *, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Declare the function that converts an event stored as `from_version` to the next version.

    The function takes the stored JSON as a dict and returns the new dict. Upcasters are chained, so each one knows only
    its own two versions. Raises DuplicateName.
    """

    def decorate(function: Upcaster) -> Upcaster:
        if UPCASTERS.setdefault((name, from_version), function) is not function:
            raise DuplicateName(f"{name!r} has two upcasters from version {from_version}")
        return function

    return decorate


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def command(name: str, *, incidental: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Declare a command.

    `incidental` lists the fields that the sender adds to the request, such as a new id or the buyer's current name. A
    repeat of the same request may have other values there and still counts as a repeat. Raises DuplicateName.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        declared = CommandType(name, incidental, frozen)
        COMMAND_TYPES[frozen] = _claim(COMMANDS, name, declared)
        return frozen

    return decorate


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def guard(name: str) -> Callable[[type[T]], type[T]]:
    """Declare a guard: a check of the aggregate's state that runs before the rules.

    The class has a method `__call__(self, state)`, which raises CommandRefused if the sender may not see the aggregate.
    A queued command stores the guard under `name`. Raises DuplicateName.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        if GUARDS.setdefault(name, frozen) is not frozen:
            raise DuplicateName(f"two guards have the name {name!r}")
        GUARD_NAMES[frozen] = name
        return frozen

    return decorate


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Declare a value: a frozen dataclass that is a part of messages and not a message itself."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


ADDED_LATER = "added_later"
"""The key of a field's metadata that says: this field of a command came after commands of its class were sent.

A command that leaves it at its default is the same command as before. So a request or an import that is repeated after
the release is still recognised.
"""

D = TypeVar("D", EventType, CommandType)


def _claim(registry: dict[str, D], name: str, declared: D) -> D:
    taken = registry.setdefault(name, declared)
    if taken is not declared:
        raise DuplicateName(f"{name!r} is the name of both {taken.cls.__qualname__} and {declared.cls.__qualname__}")
    return declared
