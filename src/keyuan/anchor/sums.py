"""Merkle-sum trees: a root that commits to every account's balances and to their sums.

The shape is that of RFC 9162 (2.1.1: a node without a neighbour moves up as it is). A leaf is
sha256(02 || head || four int64), a node sha256(03 || left hash || left sums || right hash || right sums), sums being
available, held, pending and debt as big-endian int64. The head is the hash of the account's newest leaf in the log, so
that who is shown her balance is also shown that her history ends there. The empty tree is sha256() with zero sums.
A balance below zero and a sum beyond int64 are refused, else a brand could hide what it owes (both ways).

One tree per book (brand and currency); an account keeps its place, new ones come after the last, so closing an epoch
costs hashes for what moved and not for everybody. `SumTree.patch` computes and changes nothing, `apply` takes it over.
What a proof tells of others: for each sibling a hash and sums, the first of them those of one single account, nameless.
Units: places count from 0; points are whole.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple

from keyuan.anchor.trees import EMPTY_ROOT, TreeError

INT64_MAX: Final = 2**63 - 1
_SUMS: Final = Struct(">qqqq")
_NODE: Final = Struct(">c32sqqqq32sqqqq")
Sums = tuple[int, int, int, int]
"""Available, held, pending, debt."""
NO_SUMS: Final[Sums] = (0, 0, 0, 0)


class SumNode(NamedTuple):
    """A node, or a leaf: its hash and the sums below it."""

    hash: bytes
    available: int
    held: int
    pending: int
    debt: int

    @property
    def sums(self) -> Sums:
        """The four sums."""
        return self[1:]


EMPTY: Final = SumNode(EMPTY_ROOT, *NO_SUMS)


def sum_leaf(head: bytes, balances: Sums) -> SumNode:
    """Return the leaf of an account: the hash of its newest leaf in the log, and its balances.

    Raises:
        TreeError: a balance is below zero or beyond int64.
    """
    if min(balances) < 0 or max(balances) > INT64_MAX:
        raise TreeError("A balance must be from 0 to 2^63 - 1.", balances=balances)
    return SumNode(sha256(b"\2" + head + _SUMS.pack(*balances)).digest(), *balances)


def sum_node(left: SumNode, right: SumNode) -> SumNode:
    """Return the node over two others.

    Raises:
        TreeError: a sum is below zero or beyond int64.
    """
    if min(left[1:] + right[1:]) < 0:
        raise TreeError("A sum must not be below zero.")
    return _joined(left, right)


def _joined(left: SumNode, right: SumNode) -> SumNode:
    """Return the node over two that are known not to be below zero; epochs are closed with this."""
    _, a, b, c, d = left
    _, e, f, g, h = right
    a, b, c, d = a + e, b + f, c + g, d + h
    if a > INT64_MAX or b > INT64_MAX or c > INT64_MAX or d > INT64_MAX:
        raise TreeError("A sum must not be above 2^63 - 1.", sums=(a, b, c, d))
    return SumNode(sha256(_NODE.pack(b"\3", *left, *right)).digest(), a, b, c, d)


class SumPatch(NamedTuple):
    """What a tree would be after some leaves have changed: size, root and, level by level, the nodes that differ."""

    size: int
    root: SumNode
    nodes: Sequence[Mapping[int, SumNode]]


class SumTree:
    """The balances of one book."""

    def __init__(self, leaves: Sequence[SumNode] = ()) -> None:
        self._levels: list[list[SumNode]] = [[]]
        self.apply(self.patch(dict(enumerate(leaves))))

    @property
    def size(self) -> int:
        """The number of accounts."""
        return len(self._levels[0])

    @property
    def root(self) -> SumNode:
        """The root, with the sums of the whole book."""
        return self._levels[-1][0] if self.size else EMPTY

    @property
    def leaves(self) -> Sequence[SumNode]:
        """The leaves in the order of their places."""
        return self._levels[0]

    def patch(self, changes: Mapping[int, SumNode]) -> SumPatch:
        """Return what the tree becomes when leaves change and new ones come after the last; nothing changes yet.

        Raises:
            TreeError: new places leave a gap, or a sum is beyond int64.
        """
        size = max(self.size, max(changes, default=-1) + 1)
        if sum(place >= self.size for place in changes) != size - self.size:
            raise TreeError("New accounts come after the last, without a gap.", size=size)
        nodes, level, width = [dict(changes)], 0, size
        while width > 1:
            below, row = nodes[level], self._levels[level] if level < len(self._levels) else []
            above: dict[int, SumNode] = {}
            for place in {place >> 1 for place in below}:
                at = 2 * place
                left = below.get(at) or row[at]
                above[place] = _joined(left, below.get(at + 1) or row[at + 1]) if at + 1 < width else left
            nodes.append(above)
            level, width = level + 1, (width + 1) >> 1
        return SumPatch(size, nodes[level].get(0) or self.root, nodes)

    def apply(self, patch: SumPatch) -> None:
        """Take over what `patch` computed on this very tree."""
        for level, changed in enumerate(patch.nodes):
            if level == len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            known = len(row)
            row += [changed[place] for place in sorted(changed) if place >= known]
            for place, node in changed.items():
                if place < known:
                    row[place] = node

    def inclusion(self, place: int) -> list[SumNode]:
        """Return the proof that the leaf at a place is counted in the root: siblings with their sums, from below."""
        if not 0 <= place < self.size:
            raise TreeError("There is no such account.", place=place, size=self.size)
        proof: list[SumNode] = []
        for row in self._levels:
            if place ^ 1 < len(row):
                proof.append(row[place ^ 1])
            place >>= 1
        return proof


def is_counted(leaf: SumNode, place: int, size: int, proof: Sequence[SumNode], root: SumNode) -> bool:
    """Tell whether the proof shows a leaf at its place in the tree of this size and root, sums included."""
    if not 0 <= place < size:
        return False
    last, node = size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        try:
            if place & 1 or place == last:
                node = sum_node(sibling, node)
                while not place & 1 and place:
                    place, last = place >> 1, last >> 1
            else:
                node = sum_node(node, sibling)
        except TreeError:
            return False
        place, last = place >> 1, last >> 1
    return last == 0 and node == root
