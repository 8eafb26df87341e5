"""RFC 9162, section 2.1, word for word and recursively: a second implementation to hold the first one against.

Slow and plain on purpose; nothing of `keyuan` is imported here.
"""

from collections.abc import Sequence
from hashlib import sha256
from struct import pack

SumTuple = tuple[bytes, int, int, int, int]


def split(size: int) -> int:
    """Return the largest power of two smaller than `size`."""
    half = 1
    while half * 2 < size:
        half *= 2
    return half


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH of 2.1.1, over the inputs themselves."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), tree_hash(leaves[k:])]
    return [*path(m - k, leaves[k:]), tree_hash(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PROOF of 2.1.4.1."""
    return subproof(m, leaves, whole=True)


def subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), tree_hash(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), tree_hash(leaves[:k])]


def sum_hash(leaves: Sequence[tuple[bytes, tuple[int, int, int, int]]]) -> SumTuple:
    """The same shape with sums: leaf 02 || head || sums, node 03 || left || sums || right || sums."""
    if not leaves:
        return sha256(b"").digest(), 0, 0, 0, 0
    if len(leaves) == 1:
        head, sums = leaves[0]
        return sha256(b"\x02" + head + pack(">qqqq", *sums)).digest(), *sums
    k = split(len(leaves))
    left, right = sum_hash(leaves[:k]), sum_hash(leaves[k:])
    body = b"\x03" + left[0] + pack(">qqqq", *left[1:]) + right[0] + pack(">qqqq", *right[1:])
    return sha256(body).digest(), left[1] + right[1], left[2] + right[2], left[3] + right[3], left[4] + right[4]
