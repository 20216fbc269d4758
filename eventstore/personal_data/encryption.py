"""Encrypt personal data in the log under a key of its subject. Destroying the key erases the data everywhere.

The cipher is AES-256-GCM. Each value has its own nonce and is bound to its event and field, so ciphertext cannot be
moved. A subject's key is wrapped by the first key of PERSONAL_DATA_KEYS and bound to the subject. See
docs/personal-data.md.
"""

import base64
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from threading import Lock
from typing import Any
from uuid import UUID

import msgspec
from cachetools import TTLCache
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction

from eventstore import messages
from eventstore.errors import SubjectWasErased, WrongKey
from eventstore.messages import OF_AGGREGATE, EventType
from eventstore.personal_data.texts import change_texts

ERASED = messages.ERASED
"""The value of a personal text after its subject was erased."""

PREFIX = "pd1:"  # marks a stored value as encrypted by this scheme
_NONCE_BYTES = 12
_CACHE_SECONDS = 60.0
_CACHE_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A subject's key as stored. `wrapped` is None after the subject was erased; `master` names the wrapping key."""

    subject_id: UUID
    wrapped: bytes | None
    master: str


Ciphers = dict[bytes, AESGCM]
"""Ciphers by wrapped key, for the events of one read. Dropped with it: a key is never kept to decrypt with later."""


def holds_personal_text(declared: EventType, event: object) -> bool:
    """Return whether an event holds a text that has to be encrypted."""
    if any(text.holds(getattr(event, text.name)) for text in declared.personal):
        return True
    return any(
        text.holds(getattr(part, text.name)) for text in declared.parts for part in getattr(event, text.part_of) or ()
    )


def own_subject(declared: EventType, event: object) -> UUID | None:
    """Return the subject that an event names itself, or None if it has no fields for it."""
    if declared.subject in ((), OF_AGGREGATE):
        return None
    return next((value for name in declared.subject if (value := getattr(event, name)) is not None), None)


def encrypt_event(declared: EventType, event: Any, event_id: UUID, key: bytes | None) -> dict[str, Any]:
    """Return the event as JSON data with its personal texts encrypted, or, without a key, as ERASED."""
    data: dict[str, Any] = msgspec.to_builtins(event)
    encrypt = text_encryptor(event_id, key) if key else lambda path, text: ERASED
    change_texts(declared, data, encrypt)
    return data


def text_encryptor(event_id: UUID, key: bytes) -> Callable[[str, str], str]:
    """Return a function that takes the path of a text of an event, and the text, and returns it encrypted."""
    cipher = AESGCM(key)

    def encrypt(path: str, text: str) -> str:
        return PREFIX + _text(_encrypt(cipher, text.encode(), _field_binding(event_id, path)))

    return encrypt


def encrypt_fields(texts: Mapping[str, str], event_id: UUID, key: bytes) -> dict[str, str]:
    """Return these texts of an event, by path, encrypted."""
    encrypt = text_encryptor(event_id, key)
    return {path: encrypt(path, text) for path, text in texts.items()}


def field_decryptor(event_id: UUID, stored: StoredKey, ciphers: Ciphers | None = None) -> Callable[[str, Any], Any]:
    """Return a function that takes the path of a text and its stored value and returns the decrypted text, or ERASED.

    A value that is not encrypted is returned unchanged. `ciphers` is shared by the events of one read. The function
    raises WrongKey.
    """
    cipher = _cipher_of(stored, {} if ciphers is None else ciphers)

    def reveal(path: str, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return value
        if cipher is None:
            return ERASED
        try:
            encrypted = base64.urlsafe_b64decode(value.removeprefix(PREFIX))
            binding = _field_binding(event_id, path)
            return cipher.decrypt(encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:], binding).decode()
        except (InvalidTag, ValueError) as error:
            raise WrongKey(f"the text {path!r} of event {event_id} cannot be decrypted") from error

    return reveal


def _cipher_of(stored: StoredKey, ciphers: Ciphers) -> AESGCM | None:
    """Return the cipher of a stored key; None after the subject was erased. Raises WrongKey."""
    if stored.wrapped is None:
        return None
    cipher = ciphers.get(stored.wrapped)
    if cipher is None:
        cipher = ciphers[stored.wrapped] = AESGCM(unwrap(stored))
    return cipher


def encrypt_bytes(subject_id: UUID, name: UUID, data: bytes) -> bytes:
    """Encrypt other data of a subject and bind it to `name`. Raises SubjectWasErased, WrongKey."""
    return _encrypt(AESGCM(keys_of([subject_id])[subject_id]), data, name.bytes)


def decrypt_bytes(subject_id: UUID, name: UUID, data: bytes) -> bytes:
    """Decrypt the result of `encrypt_bytes`. Raises SubjectWasErased, WrongKey."""
    stored = _load_or_create([subject_id])[0]
    try:
        return AESGCM(unwrap(stored)).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], name.bytes)
    except (InvalidTag, ValueError) as error:
        raise WrongKey(f"the data of {subject_id} bound to {name} cannot be decrypted") from error


# --- keys -------------------------------------------------------------------------------------------------------------

_key_cache: TTLCache[UUID, bytes] = TTLCache(_CACHE_SIZE, ttl=_CACHE_SECONDS)
"""Recently used keys, under the lock beside it.

For encryption only. Decryption always reads the stored key, so an erased subject is unreadable at once."""
_key_cache_lock = Lock()


def keys_of(subject_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """Return a key to encrypt with for each subject. Create missing keys. Raises SubjectWasErased, WrongKey."""
    keys = {}
    for subject_id, key in keys_or_none(subject_ids).items():
        if key is None:
            raise SubjectWasErased(subject_id)
        keys[subject_id] = key
    return keys


def keys_or_none(subject_ids: Iterable[UUID]) -> dict[UUID, bytes | None]:
    """Return a key to encrypt with for each subject; None for an erased one. Create missing keys. Raises WrongKey."""
    wanted = set(subject_ids)
    with _key_cache_lock:
        found: dict[UUID, bytes | None] = {each: key for each in wanted if (key := _key_cache.get(each)) is not None}
    missing = wanted - found.keys()
    if not missing:
        return found
    stored_keys = _load_or_create(sorted(missing))
    loaded = {stored.subject_id: unwrap(stored) for stored in stored_keys if stored.wrapped is not None}

    def cache_loaded() -> None:
        with _key_cache_lock:
            _key_cache.update(loaded)

    transaction.on_commit(cache_loaded)  # after the commit: a key that was rolled back must not encrypt anything
    return found | {stored.subject_id: loaded.get(stored.subject_id) for stored in stored_keys}


def forget(subject_id: UUID) -> None:
    """Remove a subject's key from the cache of this process."""
    with _key_cache_lock:
        _key_cache.pop(subject_id, None)


def unwrap(stored: StoredKey) -> bytes:
    """Return the unwrapped key. Raises SubjectWasErased, WrongKey."""
    if stored.wrapped is None:
        raise SubjectWasErased(stored.subject_id)
    master = masters().get(stored.master)
    if master is None:
        raise WrongKey(f"PERSONAL_DATA_KEYS has no key {stored.master!r}, which wraps the key of {stored.subject_id}")
    try:
        return _cipher(master).decrypt(
            stored.wrapped[:_NONCE_BYTES], stored.wrapped[_NONCE_BYTES:], stored.subject_id.bytes
        )
    except InvalidTag as error:
        raise WrongKey(f"the key {stored.master!r} does not unwrap the key of {stored.subject_id}") from error


@lru_cache(maxsize=16)
def _cipher(master: bytes) -> AESGCM:
    """Return the cipher of a master key. Ciphers of subjects' keys are never cached."""
    return AESGCM(master)


def wrap(subject_id: UUID, key: bytes) -> StoredKey:
    """Encrypt a subject's key with the first master key."""
    name, master = next(iter(masters().items()))
    return StoredKey(subject_id, _encrypt(AESGCM(master), key, subject_id.bytes), name)


def masters() -> dict[str, bytes]:
    """Return the master keys of PERSONAL_DATA_KEYS by name. The first one is in use for new keys.

    Raises WrongKey for an entry that is not a name and 32 bytes.
    """
    return _parse_masters(tuple(settings.PERSONAL_DATA_KEYS))


@cache
def _parse_masters(entries: tuple[str, ...]) -> dict[str, bytes]:
    keys = {}
    for entry in entries:
        name, _, encoded = entry.partition(":")
        key = base64.urlsafe_b64decode(encoded)
        if not name or len(key) != 32:
            raise WrongKey(f"an entry of PERSONAL_DATA_KEYS is not NAME:BASE64 of 32 bytes (it begins {entry[:6]!r})")
        keys[name] = key
    return keys


def _load_or_create(subject_ids: list[UUID]) -> list[StoredKey]:
    new_keys = [wrap(subject_id, AESGCM.generate_key(256)) for subject_id in subject_ids]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO subject_keys (subject_id, wrapped_key, master)"
            " SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::text[]) ON CONFLICT DO NOTHING",
            [subject_ids, [key.wrapped for key in new_keys], [key.master for key in new_keys]],
        )
        cursor.execute(
            "SELECT subject_id, wrapped_key, master FROM subject_keys WHERE subject_id = ANY(%s)", [subject_ids]
        )
        return [StoredKey(subject_id, wrapped and bytes(wrapped), master) for subject_id, wrapped, master in cursor]


def _encrypt(cipher: AESGCM, value: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, value, bound_to)


def _field_binding(event_id: UUID, name: str) -> bytes:
    return event_id.bytes + name.encode()


def _text(encrypted: bytes) -> str:
    return base64.urlsafe_b64encode(encrypted).decode()
