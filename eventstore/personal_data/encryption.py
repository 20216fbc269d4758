"""Personal data: encrypted in the log under a key of its subject, and erased everywhere by destroying that key.

AES-256-GCM. Each value has a nonce of its own and is bound to its event and field, so ciphertext cannot be moved. A
subject's key is wrapped by the first of PERSONAL_DATA_KEYS and bound to the subject. docs/personal-data.md.
"""

import base64
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction

from eventstore.errors import SubjectWasErased, WrongKey
from eventstore.messages import EventType

ERASED = "[erased]"
"""What a personal field reads once its subject was erased."""

PREFIX = "pd1:"  # marks a stored value as encrypted, and how
_NONCE = 12
_REMEMBERED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A subject's key as the database has it; `wrapped` is None once the subject was erased."""

    subject_id: UUID
    wrapped: bytes | None
    master: str


def subject_of(declared: EventType, event: object) -> UUID | None:
    """Whose data an event holds: None where all its personal fields are empty."""
    if not declared.personal or not any(getattr(event, name) for name in declared.personal):
        return None
    named: UUID = next(value for name in declared.subject if (value := getattr(event, name)) is not None)
    return named


def conceal(declared: EventType, event: Any, event_id: UUID, key: bytes) -> Any:
    """The event with its personal fields encrypted."""
    return replace(event, **sealed({name: getattr(event, name) for name in declared.personal}, event_id, key))


def sealed(values: Mapping[str, str], event_id: UUID, key: bytes) -> dict[str, str]:
    """The values of these fields of an event, encrypted; empty ones are left out."""
    cipher = AESGCM(key)
    return {
        name: PREFIX + _text(_encrypt(cipher, value.encode(), _bound(event_id, name)))
        for name, value in values.items()
        if value
    }


def opener(event_id: UUID, stored: StoredKey) -> Callable[[str, Any], Any]:
    """A function that gives a field's value as it was written, or ERASED. The function raises WrongKey."""
    cipher = AESGCM(unwrap(stored)) if stored.wrapped is not None else None

    def reveal(name: str, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return value
        if cipher is None:
            return ERASED
        try:
            sealed = base64.urlsafe_b64decode(value.removeprefix(PREFIX))
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(event_id, name)).decode()
        except (InvalidTag, ValueError) as error:
            raise WrongKey(f"the field {name!r} of event {event_id} cannot be decrypted") from error

    return reveal


def conceal_bytes(subject_id: UUID, name: UUID, data: bytes) -> bytes:
    """What else may hold a subject's data, encrypted and bound to `name`. Raises SubjectWasErased, WrongKey."""
    return _encrypt(AESGCM(keys_of([subject_id])[subject_id]), data, name.bytes)


def reveal_bytes(subject_id: UUID, name: UUID, data: bytes) -> bytes:
    """What `conceal_bytes` was given. Raises SubjectWasErased, WrongKey."""
    stored = _stored_or_made([subject_id])[0]
    try:
        return AESGCM(unwrap(stored)).decrypt(data[:_NONCE], data[_NONCE:], name.bytes)
    except (InvalidTag, ValueError) as error:
        raise WrongKey(f"what is kept of {subject_id} under {name} cannot be decrypted") from error


# --- keys -------------------------------------------------------------------------------------------------------------

_remembered: dict[UUID, tuple[float, bytes]] = {}
"""Keys to encrypt with, for a minute. Never used to decrypt: an erased subject is unreadable at once."""


def keys_of(subject_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """A key for each subject, made where there is none yet. Raises SubjectWasErased, WrongKey."""
    now = time.monotonic()
    wanted = set(subject_ids)
    known = {each: _remembered[each][1] for each in wanted & _remembered.keys() if _remembered[each][0] > now}
    missing = wanted - known.keys()
    if not missing:
        return known
    found = {stored.subject_id: unwrap(stored) for stored in _stored_or_made(sorted(missing))}

    def remember() -> None:  # not before the commit: a key that is rolled back must not be written with
        if len(_remembered) > 10_000:
            _remembered.clear()
        _remembered.update({each: (now + _REMEMBERED_SECONDS, key) for each, key in found.items()})

    transaction.on_commit(remember)
    return known | found


def forget(subject_id: UUID) -> None:
    """Drop the remembered key of a subject."""
    _remembered.pop(subject_id, None)


def unwrap(stored: StoredKey) -> bytes:
    """The key itself. Raises SubjectWasErased, WrongKey."""
    if stored.wrapped is None:
        raise SubjectWasErased(stored.subject_id)
    master = masters().get(stored.master)
    if master is None:
        raise WrongKey(f"PERSONAL_DATA_KEYS has no key {stored.master!r}, which wraps the key of {stored.subject_id}")
    try:
        return _cipher(master).decrypt(stored.wrapped[:_NONCE], stored.wrapped[_NONCE:], stored.subject_id.bytes)
    except InvalidTag as error:
        raise WrongKey(f"the key {stored.master!r} does not unwrap the key of {stored.subject_id}") from error


@lru_cache(maxsize=16)
def _cipher(master: bytes) -> AESGCM:
    """Of a key of the environment: those of subjects are never kept."""
    return AESGCM(master)


def wrap(subject_id: UUID, key: bytes) -> StoredKey:
    """`key` under the first key of the environment."""
    name, master = next(iter(masters().items()))
    return StoredKey(subject_id, _encrypt(AESGCM(master), key, subject_id.bytes), name)


def masters() -> dict[str, bytes]:
    """The environment's keys by name, the one in use first. Raises WrongKey for one that is no 32 bytes."""
    return _parsed(tuple(settings.PERSONAL_DATA_KEYS))


@cache
def _parsed(entries: tuple[str, ...]) -> dict[str, bytes]:
    found = {}
    for entry in entries:
        name, _, encoded = entry.partition(":")
        key = base64.urlsafe_b64decode(encoded)
        if not name or len(key) != 32:
            raise WrongKey(f"an entry of PERSONAL_DATA_KEYS is not NAME:BASE64 of 32 bytes (it begins {entry[:6]!r})")
        found[name] = key
    return found


def _stored_or_made(subject_ids: list[UUID]) -> list[StoredKey]:
    fresh = [wrap(subject_id, AESGCM.generate_key(256)) for subject_id in subject_ids]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO subject_keys (subject_id, wrapped_key, master)"
            " SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::text[]) ON CONFLICT DO NOTHING",
            [subject_ids, [key.wrapped for key in fresh], [key.master for key in fresh]],
        )
        cursor.execute(
            "SELECT subject_id, wrapped_key, master FROM subject_keys WHERE subject_id = ANY(%s)", [subject_ids]
        )
        return [StoredKey(subject_id, wrapped and bytes(wrapped), name) for subject_id, wrapped, name in cursor]


def _encrypt(cipher: AESGCM, value: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, value, bound_to)


def _bound(event_id: UUID, name: str) -> bytes:
    return event_id.bytes + name.encode()


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode()
