"""Merkle trees as defined in RFC 6962 and RFC 9162, over hashes of leaves. Plain Python."""

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """Return the hash of a leaf. The prefix 0x00 makes it different from any hash of a node."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node. Its prefix is 0x01."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree (RFC 9162, 2.1.1). Each level pairs neighbours; an unpaired last hash moves up."""
    level = list(leaves)
    if not level:
        return sha256(b"").digest()
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the inclusion proof of the leaf at `index` (RFC 9162, 2.1.3.1): its neighbours on the way to the root."""
    steps, level = [], list(leaves)
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            steps.append(level[neighbour])
        level, index = _parents(level), index // 2
    return steps


def _parents(level: list[bytes]) -> list[bytes]:
    pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + level[len(pairs) * 2 :]
