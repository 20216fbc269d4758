"""The keys of seals. The first of SEAL_KEYS signs; the others, and SEAL_PUBLIC_KEYS of retired keys, are trusted."""

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from eventstore.errors import MalformedSealKey, SealKeyMissing

_BYTES = 32


def signing_key() -> Ed25519PrivateKey:
    """Return the key that signs new seals. Raises SealKeyMissing, MalformedSealKey."""
    if not settings.SEAL_KEYS:
        raise SealKeyMissing("SEAL_KEYS is empty: nothing can be sealed")
    return _private(settings.SEAL_KEYS[0])


def trusted() -> frozenset[bytes]:
    """Return the public keys whose signatures are accepted. Raises MalformedSealKey."""
    own = (public_bytes(_private(entry)) for entry in settings.SEAL_KEYS)
    return frozenset((*own, *map(_public, settings.SEAL_PUBLIC_KEYS)))


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes of the public key."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_valid_signature(message: bytes, signature: bytes, public_key: bytes) -> bool:
    """Return whether the key made this signature of the message. A malformed key or signature is not valid."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private(entry: str) -> Ed25519PrivateKey:
    try:
        seed = base64.urlsafe_b64decode(entry)
    except ValueError:
        seed = b""
    if len(seed) != _BYTES:
        raise MalformedSealKey(f"an entry of SEAL_KEYS is not base64 of {_BYTES} bytes (it begins {entry[:4]!r})")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _public(entry: str) -> bytes:
    try:
        key = bytes.fromhex(entry)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise MalformedSealKey(f"an entry of SEAL_PUBLIC_KEYS is not {_BYTES} bytes in hex: {entry!r}")
    return key
