"""Make identifiers: time-ordered ones, and those of what a command begins. Domain rules never call these."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid5

import uuid_utils.compat


def new_id() -> UUID:
    """Return a new id (uuid7, RFC 9562). Later ids sort later, which keeps the log's indexes small and cached."""
    return uuid_utils.compat.uuid7()


_BEGUN = UUID("7c1f0d56-3f0e-4a86-9b1c-5a4f7d2e8c93")


def id_begun_by(command_id: UUID, kind: str) -> UUID:
    """Return the id of what a command begins: the same for each repeat of the command.

    `kind` is the type of the aggregate, or the name of another thing that is made once. A repeat then meets the thing
    itself, so nothing is begun twice even if the command's receipt is gone. A command id computed from a client's key
    contains the user, so two users never get the same id from equal keys.
    """
    return uuid5(_BEGUN, f"{kind}/{command_id}")


def id_at(moment: datetime, name: str) -> UUID:
    """Return the same uuid7 each time for the same moment and name.

    An import uses it to recognise what it has already imported.
    """
    millis = int(moment.timestamp() * 1000) & (1 << 48) - 1
    noise = int.from_bytes(sha256(name.encode()).digest()[:10])
    return UUID(int=millis << 80 | 0x7 << 76 | (noise >> 68 & 0xFFF) << 64 | 0b10 << 62 | noise & (1 << 62) - 1)
