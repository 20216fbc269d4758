"""Merkle trees as RFC 6962 and RFC 9162 define them, over hashes of leaves. Plain Python."""

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """The hash of a leaf. Its prefix keeps a leaf from ever being taken for a node."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree's root (RFC 9162, 2.1.1). Each level pairs neighbours; an odd one out moves up as it is."""
    level = list(leaves)
    if not level:
        return sha256(b"").digest()
    while len(level) > 1:
        level = _next(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What proves that the leaf at `index` is in the tree (RFC 9162, 2.1.3): its neighbours on the way to the root."""
    steps, level = [], list(leaves)
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            steps.append(level[neighbour])
        level, index = _next(level), index // 2
    return steps


def _next(level: list[bytes]) -> list[bytes]:
    pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + level[len(pairs) * 2 :]
