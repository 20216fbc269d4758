"""Convert events and commands to and from JSON."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, get_origin, get_type_hints
from uuid import UUID

import msgspec

from eventstore.errors import (
    CorruptEvent,
    LimitExceeded,
    MissingUpcaster,
    NewerSchemaVersion,
    UndeclaredMessage,
    UnknownEventType,
    WrongKey,
)
from eventstore.limits import values
from eventstore.messages import ADDED_LATER, COMMAND_TYPES, EVENT_TYPES, EVENTS, UPCASTERS, CommandType, EventType
from eventstore.personal_data.texts import paths_of_all, with_texts


class Metadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who and what caused an event.

    `occurred_at` is the business time, set only when it differs from the recorded time. `extra` holds free-form labels,
    such as the source of a synthetic event.
    """

    actor: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None = None
    occurred_at: datetime | None = None
    extra: dict[str, str] = {}


IMPORTED = "imported"
"""The key in `extra` that marks an event recorded by another site. Its value is the time of the import."""

Reveal = Callable[[str, Any], Any]
"""Called with the path of a text, such as `reason` or `lines.0.name`, and its stored value; returns the text."""

_encode = msgspec.json.Encoder().encode
_decode_metadata = msgspec.json.Decoder(Metadata).decode


def type_of(event: object) -> EventType:
    """Return the declaration of an event object. Raises UndeclaredMessage."""
    try:
        return EVENT_TYPES[type(event)]
    except KeyError:
        raise UndeclaredMessage(f"{type(event).__qualname__} is not declared with @event") from None


def command_type_of(command: object) -> CommandType:
    """Return the declaration of a command object. Raises UndeclaredMessage."""
    try:
        return COMMAND_TYPES[type(command)]
    except KeyError:
        raise UndeclaredMessage(f"{type(command).__qualname__} is not declared with @command") from None


def encode(message: object) -> str:
    """Return an event, command or metadata as JSON text.

    Decimals, ids and times become strings, so nothing is rounded.
    """
    return _encode(message).decode()


def decode(
    event_type: str, schema_version: int, data: str, reveal: Reveal | None = None, *, erased: bool = False
) -> Any:
    """Return a stored event as an object of its class, in the current shape.

    With `reveal`, each personal text gets the value that `reveal(path, value)` returns. With `erased`, each personal
    text is ERASED, however it is stored: an older schema may have it in the clear. No error then quotes the event.

    Raises UnknownEventType, MissingUpcaster, NewerSchemaVersion, CorruptEvent, and what `reveal` raises.
    """
    declared = EVENTS.get(event_type)
    if declared is None:
        raise UnknownEventType(f"no code declares {event_type!r}: is this code older than the log?")
    try:
        event = _decoded(declared, schema_version, data, reveal)
        if erased:
            _erase_texts(declared, event)
        return event
    except (MissingUpcaster, NewerSchemaVersion, WrongKey):
        raise
    except Exception as error:  # whatever decoding, an upcaster or a class raises: it is the fault of this event
        if erased:
            message = f"{event_type} v{schema_version}: {type(error).__name__}; the person of the event was erased"
            raise CorruptEvent(message) from None
        raise CorruptEvent(f"{event_type} v{schema_version}: {error}; stored: {data[:200]}") from error


def erased_data(event_type: str, schema_version: int, data: str) -> dict[str, Any]:
    """Return a stored event as JSON data in the current shape, with its personal texts ERASED.

    Raises what `decode` raises.
    """
    event: dict[str, Any] = msgspec.to_builtins(decode(event_type, schema_version, data, erased=True))
    return event


def _decoded(declared: EventType, schema_version: int, data: str, reveal: Reveal | None) -> Any:
    if schema_version == declared.schema_version:
        event = _decoder(declared.cls).decode(data)
        if may_have_unusual_numbers(data):
            _require_accepted_numbers(event)
        if reveal is not None:
            _reveal_texts(declared, event, reveal)
        return event
    stored: dict[str, Any] = msgspec.json.decode(data)
    if reveal is not None:  # before upcasting: an upcaster may rename the encrypted fields
        stored = with_texts(stored, revealed_texts(declared.since, schema_version, stored, reveal))
    event = msgspec.convert(_upcast(declared, schema_version, stored), declared.cls)
    _require_accepted_numbers(event)
    return event


def _erase_texts(declared: EventType, event: object) -> None:
    """Replace the personal texts of an event that was just decoded by ERASED, in place as `_reveal_texts` does."""
    for text in declared.personal:
        object.__setattr__(event, text.name, text.erased(getattr(event, text.name)))
    for text in declared.parts:
        for part in getattr(event, text.part_of) or ():
            object.__setattr__(part, text.name, text.erased(getattr(part, text.name)))


def _reveal_texts(declared: EventType, event: object, reveal: Reveal) -> None:
    """Decrypt the personal texts of an event that was just decoded, in place: nobody else has it yet.

    Fast path: a copy with `dataclasses.replace` of each line of an order takes three times as long.
    """
    for text in declared.personal:
        object.__setattr__(event, text.name, reveal(text.name, getattr(event, text.name)))
    for text in declared.parts:
        for number, part in enumerate(getattr(event, text.part_of) or ()):
            object.__setattr__(part, text.name, reveal(text.path(number), getattr(part, text.name)))


def revealed_texts(
    since: Mapping[str, int], schema_version: int, stored: dict[str, Any], reveal: Reveal
) -> dict[str, Any]:
    """Return all texts of an event in an older schema by path, decrypted if they are encrypted.

    `since` is that of the event's declaration. A text that became personal after `schema_version` is in the clear,
    except in an imported event: imports encrypt by today's declarations. A person can type anything, also what
    encrypted texts begin with, so such a text counts as encrypted only if it can be decrypted. Raises what `reveal`
    raises.
    """
    texts = {}
    for path, text in paths_of_all(stored):
        try:
            texts[path] = reveal(path, text)
        except WrongKey:
            if since.get(path.partition(".")[0], 0) <= schema_version:
                raise
            texts[path] = text
    return texts


# Fast path: a search for what only such numbers have, instead of a look at each value of each event. PostgreSQL writes
# plain numbers without an exponent, so only texts can have one. Encrypted texts are full of "e-", but not of digits
# between it and their end; they have no "+".
_NOT_FINITE = ("NaN", "nan", "NAN", 'inf"', 'Inf"', 'INF"', 'inity"', 'INITY"')


def may_have_unusual_numbers(data: str) -> bool:
    """Return whether stored JSON may hold a number that is not finite, or has an exponent. It is true too often."""
    if "E+" in data or "e+" in data or any(mark in data for mark in _NOT_FINITE):
        return True
    for mark in ("E-", "e-"):
        at = data.find(mark)
        while at >= 0:
            if data[at + 2 : data.find('"', at)].isdigit():
                return True
            at = data.find(mark, at + 2)
    return False


def _require_accepted_numbers(event: object) -> None:
    """Raise LimitExceeded if a number of the event is not finite, or too long: sums with it would fail much later."""
    try:
        values.require_accepted(event)
    except LimitExceeded as refusal:
        if refusal.code == "number_out_of_range":
            raise


def decode_metadata(data: str) -> Metadata:
    """Decode stored metadata. Raises CorruptEvent."""
    try:
        return _decode_metadata(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptEvent(f"metadata: {error}; stored: {data[:200]}") from error


def fingerprint(command: object) -> bytes:
    """Return a SHA-256 digest of a command without its incidental fields. A repeated command has the same digest.

    Fields that were added later count only if they are set, so older commands keep their digests.
    """
    declared = command_type_of(command)
    body = msgspec.to_builtins(command)
    _leave_out_later(command, body)
    for name in declared.incidental:
        del body[name]
    canonical = msgspec.json.encode([declared.name, body], order="deterministic")
    return sha256(canonical).digest()


def _leave_out_later(value: Any, body: dict[str, Any]) -> None:
    """Remove the fields added later, and those of nested values, from `body` where they have their defaults."""
    cls: Any = type(value)
    later, tuples = _later_fields(cls)
    for name, default in later:
        if getattr(value, name) == default:
            del body[name]
    for name in tuples:
        for each, inner in zip(getattr(value, name), body[name], strict=True):
            if is_dataclass(each):
                _leave_out_later(each, inner)


@cache
def _later_fields(cls: type) -> tuple[list[tuple[str, Any]], list[str]]:
    """Return the fields of a command or value that were added later, with defaults; and the names of its tuples."""
    hints = get_type_hints(cls)
    later = [(each.name, each.default) for each in fields(cls) if each.metadata.get(ADDED_LATER)]
    return later, [name for name, hint in hints.items() if get_origin(hint) is tuple]


@cache
def _decoder(cls: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cls)


def _upcast(declared: EventType, schema_version: int, data: dict[str, Any]) -> dict[str, Any]:
    if schema_version > declared.schema_version:
        newest = declared.schema_version
        raise NewerSchemaVersion(
            f"{declared.name} is stored as version {schema_version}; this code reads up to {newest}"
        )
    for version in range(schema_version, declared.schema_version):
        upcast = UPCASTERS.get((declared.name, version))
        if upcast is None:
            raise MissingUpcaster(f"no upcaster converts {declared.name} from version {version} to {version + 1}")
        data = upcast(data)
    return data
