"""Make time-ordered identifiers. Domain rules never call these: ids are created at the edge."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Return a new id (uuid7, RFC 9562). Later ids sort later, which keeps the log's indexes small and cached."""
    return uuid_utils.compat.uuid7()


def id_at(moment: datetime, name: str) -> UUID:
    """Return the same uuid7 each time for the same moment and name.

    An import uses it to recognise what it has already imported.
    """
    millis = int(moment.timestamp() * 1000) & (1 << 48) - 1
    noise = int.from_bytes(sha256(name.encode()).digest()[:10])
    return UUID(int=millis << 80 | 0x7 << 76 | (noise >> 68 & 0xFFF) << 64 | 0b10 << 62 | noise & (1 << 62) - 1)
