"""Merkle trees by RFC 9162, section 2.1: roots, proofs that a leaf is in a tree, that a tree goes on from another.

The hash of a leaf is sha256(00 || leaf), of a node sha256(01 || left || right), of the empty tree sha256(); a tree of n
leaves is split at the largest power of two below n. Level by level that is: neighbours are joined, and one without a
neighbour moves up as it is; so nodes that stand over 2^k leaves never change once they are whole. `Frontier` keeps just
the whole nodes at the right edge, which is enough to append and for the root; `Tree` keeps all of them, for proofs.
Deliberately not here: what leaves are (`leaf`), trees with sums (`sums`), and storage.
Units: an index counts from 0, a size counts leaves; hashes are 32 bytes, runs of hashes are joined.
Source: RFC 9162, 2.1.1 to 2.1.5.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from keyuan.kernel.errors import InputError

HASH: Final = 32
_PAIR: Final = 2 * HASH
EMPTY_ROOT: Final = sha256().digest()


class TreeError(InputError):
    """The tree does not have what is asked of it."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node over two others."""
    return sha256(b"\1" + left + right).digest()


def _joined(run: bytes | bytearray, pairs: int) -> bytes:
    """Return the nodes over the first pairs of a run of hashes."""
    return b"".join([sha256(b"\1" + run[at : at + _PAIR]).digest() for at in range(0, pairs * _PAIR, _PAIR)])


class Frontier(NamedTuple):
    """The right edge of a tree: one whole node for each bit of `size`, the largest first."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def extended(self, leaf_hashes: Sequence[bytes]) -> "Frontier":
        """Return the edge after more leaves; hashing is about once per leaf."""
        run, level, size = b"".join(leaf_hashes), 0, self.size
        left = list(self.nodes)
        kept: list[bytes] = []
        while run or left:
            if size >> level & 1:
                run = left.pop() + run
            pairs = len(run) // _PAIR
            if len(run) % _PAIR:
                kept.append(run[-HASH:])
            run, level = _joined(run, pairs), level + 1
        return Frontier(self.size + len(leaf_hashes), tuple(reversed(kept)))

    def root(self) -> bytes:
        """Return the root of the tree with this edge."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over these leaves."""
    return Frontier().extended(leaf_hashes).root()


class Tree:
    """A tree with all its whole nodes: 64 bytes a leaf. It answers for its present size and for all smaller ones."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels = [bytearray()]
        self.extend(leaf_hashes)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // HASH

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Append leaves, given by their hashes."""
        run = b"".join(leaf_hashes)
        level = 0
        while run:
            if level == len(self._levels):
                self._levels.append(bytearray())
            nodes = self._levels[level]
            start = len(nodes) // _PAIR * _PAIR
            nodes += run
            run = _joined(nodes[start:], (len(nodes) - start) // _PAIR)
            level += 1

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first `size` leaves; of all without it."""
        size = self._checked(self.size if size is None else size)
        return self._node(size.bit_length(), 0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the proof that leaf `index` is in the tree of the first `size` leaves (2.1.3.1)."""
        size = self._checked(self.size if size is None else size)
        if not 0 <= index < size:
            raise TreeError("There is no such leaf.", index=index, size=size)
        proof: list[bytes] = []
        level, last = 0, size - 1
        while last:
            if index ^ 1 <= last:
                proof.append(self._node(level, index ^ 1, size))
            index, last, level = index >> 1, last >> 1, level + 1
        return proof

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the tree of `new` leaves goes on from the one of `old` leaves (2.1.4.1)."""
        new = self._checked(self.size if new is None else new)
        if not 0 < old <= new:
            raise TreeError("A proof goes from a size above zero to one not below it.", old=old, new=new)
        if old == new:
            return []
        # Start at the largest whole node that ends where the old tree ends.
        level = (old & -old).bit_length() - 1
        index, last = (old >> level) - 1, (new - 1) >> level
        proof = [self._node(level, index, new)] if old & (old - 1) else []
        while last:
            if index ^ 1 <= last:
                proof.append(self._node(level, index ^ 1, new))
            index, last, level = index >> 1, last >> 1, level + 1
        return proof

    def _checked(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise TreeError("The tree is smaller than that.", size=size, leaves=self.size)
        return size

    def _node(self, level: int, index: int, size: int) -> bytes:
        """Return the node over leaves [index << level, (index + 1) << level), cut at `size`."""
        if (index + 1) << level <= size:
            return bytes(self._levels[level][index * HASH : index * HASH + HASH])
        left = self._node(level - 1, 2 * index, size)
        if (2 * index + 1) << (level - 1) >= size:
            return left
        return node_hash(left, self._node(level - 1, 2 * index + 1, size))


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the proof shows a leaf hash at `index` in the tree of this size and root (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    last, node = size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and node == root


def is_consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Tell whether the proof shows that the new tree begins with all of the old one (2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new or not proof:
        return False
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    before = after = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            after = node_hash(after, node)
        index, last = index >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
