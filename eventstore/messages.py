"""Declare events and commands: frozen dataclasses under stable wire names.

Plain Python: domain rules import this module. It imports only the standard library.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from types import UnionType
from typing import Any, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

T = TypeVar("T")


class DuplicateName(ValueError):
    """Two messages claim the same wire name. Give the newer one another name: the log already uses this one."""


class UnclearSubject(TypeError):
    """An event has personal fields but no subject. Pass @event the fields that hold the person's id as `subject`."""


class UndeclaredText(TypeError):
    """A text of an event is not declared as personal or public. Declare it with `personal()` or `public()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalText:
    """A text of an event that is stored encrypted: a field, or the field `name` of the values in the tuple `part_of`.

    A text for which `unless` is true is never encrypted.
    `for_programs` says that programs see it even if they may not read personal data.
    """

    name: str
    part_of: str = ""
    unless: Callable[[str], bool] | None = None
    for_programs: bool = False

    def holds(self, text: str) -> bool:
        """Return whether this text is personal."""
        return bool(text) and not (self.unless and self.unless(text))

    def path(self, number: int) -> str:
        """Return what names this text of the value at the place `number` of its tuple, from 0."""
        return f"{self.part_of}.{number}.{self.name}"

    def erased(self, text: str) -> str:
        """Return what is left of this text after an erasure."""
        return ERASED if self.holds(text) else text


@dataclass(frozen=True, slots=True, eq=False)
class EventType:
    """The declaration of an event class: its wire name and its schema version.

    `personal` are the encrypted fields, and `parts` the encrypted fields of values in tuples. `subject` lists the
    fields that may hold the subject's id, of which the first one that is set counts; or it is `OF_AGGREGATE`. `since`
    says for a field from which schema version on its texts are encrypted, if not from the first.
    """

    name: str
    schema_version: int
    cls: type
    personal: tuple[PersonalText, ...] = ()
    parts: tuple[PersonalText, ...] = ()
    subject: tuple[str, ...] = ()
    since: Mapping[str, int] = field(default_factory=dict)


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


ERASED = "[erased]"
"""The value of a personal text after its subject was erased."""

OF_AGGREGATE = ("of the aggregate",)
"""As the `subject` of an event: the person whom the aggregate is about, as its decider or its first event says."""

_DECLARED = "personal_text"


def personal(
    *,
    unless: Callable[[str], bool] | None = None,
    for_programs: bool = False,
    default: Any = MISSING,
) -> Any:
    """Declare a text of an event, or of a value in an event, as personal: the log stores it encrypted.

    So it can be erased. Every text that a person can type is personal. `unless` returns true for texts that name no
    person, such as ids that the shop makes: they stay in the clear. With `for_programs`, programs see it even if they
    may not read personal data.
    """
    text = PersonalText(name="", unless=unless, for_programs=for_programs)
    return field(default=default, metadata={_DECLARED: text})


def public(*, default: Any = MISSING) -> Any:
    """Declare a text of an event, or of a value in an event, as one that nobody can type, such as a code or an id."""
    return field(default=default, metadata={_DECLARED: None})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, personal, public))
def event(
    name: str, *, schema_version: int = 1, subject: tuple[str, ...] = (), since: Mapping[str, int] | None = None
) -> Callable[[type[T]], type[T]]:
    """Declare an event.

    The log stores `name`, so the class may be renamed. Raise `schema_version` whenever the shape changes, or a text
    becomes personal. `subject` lists the fields that may hold the id of the person whom the personal texts are about;
    the first one that is set counts. Or it is `OF_AGGREGATE`. An event that had personal texts before names in `since`
    each field whose texts became personal later, and the schema version from which on they are.

    Raises DuplicateName, UnclearSubject and UndeclaredText.
    """

    def decorate(cls: type[T]) -> type[T]:
        frozen: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        texts = list(_personal_texts(name, frozen))
        if texts and not subject:
            names = ", ".join(text.name for text in texts)
            raise UnclearSubject(f"{name!r} has the personal fields {names} but no subject")
        personal_fields = tuple(text for text in texts if not text.part_of)
        parts = tuple(text for text in texts if text.part_of)
        declared = EventType(name, schema_version, frozen, personal_fields, parts, subject, since or {})
        EVENT_TYPES[frozen] = _claim(EVENTS, name, declared)
        return frozen  # type: ignore[no-any-return]  # the decorated class

    return decorate


def _personal_texts(event_name: str, cls: type, part_of: str = "") -> Iterator[PersonalText]:
    """Yield the personal texts of an event class, and of the values in its tuples. Raises UndeclaredText."""
    hints = get_type_hints(cls)
    for each in fields(cls):
        where = f"{event_name}: {part_of and part_of + '.'}{each.name}"
        kinds = set(_kinds_in(hints[each.name]))
        declared = each.metadata.get(_DECLARED, MISSING)
        if str in kinds and declared is MISSING:
            raise UndeclaredText(f"{where} is a text: declare it with personal() or public()")
        if isinstance(declared, PersonalText):
            if hints[each.name] is not str:
                raise UndeclaredText(f"{where}: only a field of the type str can be personal")
            yield replace(declared, name=each.name, part_of=part_of)
        for kind in (kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)):
            inner = list(_personal_texts(event_name, kind, each.name))
            if inner and (part_of or tuple not in kinds):
                raise UndeclaredText(f"{where} holds personal texts: values with such texts belong in a tuple")
            yield from inner


def _kinds_in(hint: Any) -> Iterator[Any]:
    """Yield the types that a type hint is made of. Any text that is not an enum's counts as `str`."""
    origin = get_origin(hint)
    if origin is None:
        yield hint
        return
    if origin not in (Union, UnionType):
        yield origin
    for argument in get_args(hint):
        yield from _kinds_in(argument)


def same_shape(name: str, *, from_version: int) -> None:
    """Declare that an event has the same shape in the next version, in which some of its texts became personal."""
    upcaster(name, from_version=from_version)(lambda stored: stored)


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


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, personal, public))
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
