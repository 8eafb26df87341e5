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
    a, b, c, d = left[1] + right[1], left[2] + right[2], left[3] + right[3], left[4] + right[4]
    if min(left[1:] + right[1:]) < 0 or max(a, b, c, d) > INT64_MAX:
        raise TreeError("A sum must be from 0 to 2^63 - 1.", sums=(a, b, c, d))
    return SumNode(sha256(_NODE.pack(b"\3", *left, *right)).digest(), a, b, c, d)


class SumPatch(NamedTuple):
    """What a tree would be after some leaves have changed: the new size, its root and the nodes that differ."""

    size: int
    root: SumNode
    nodes: Mapping[tuple[int, int], SumNode]


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
        nodes: dict[tuple[int, int], SumNode] = {(0, place): leaf for place, leaf in changes.items()}
        level, width, dirty = 0, size, set(changes)
        while width > 1:
            dirty = {place >> 1 for place in dirty}
            for place in dirty:
                left = self._seen(nodes, level, 2 * place)
                whole = 2 * place + 1 < width
                nodes[level + 1, place] = sum_node(left, self._seen(nodes, level, 2 * place + 1)) if whole else left
            level, width = level + 1, (width + 1) >> 1
        root = self._seen(nodes, level, 0) if size else EMPTY
        return SumPatch(size, root, nodes)

    def _seen(self, nodes: Mapping[tuple[int, int], SumNode], level: int, place: int) -> SumNode:
        return nodes.get((level, place)) or self._levels[level][place]

    def apply(self, patch: SumPatch) -> None:
        """Take over what `patch` computed on this very tree."""
        for (level, place), node in sorted(patch.nodes.items()):
            while level >= len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            if place < len(row):
                row[place] = node
            else:
                row.append(node)

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
