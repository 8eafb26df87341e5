"""Trees against a second implementation and the seven-leaf example of RFC 9162, 2.1.5; every changed bit is refused."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyuan.anchor.trees import EMPTY_ROOT, Frontier, Tree, TreeError, is_consistent, is_included, root_of
from unit.anchor import recursive

MANY = 70
LEAVES = [bytes((number,)) * (number % 5) for number in range(MANY)]
HASHES = [sha256(b"\0" + leaf).digest() for leaf in LEAVES]
TREE = Tree(HASHES)
SIZES = st.integers(1, MANY)


def h(*parts: bytes) -> bytes:
    return sha256(b"\1" + b"".join(parts)).digest()


def flipped(run: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(run))


def test_the_empty_tree_has_the_hash_of_nothing():
    assert root_of([]) == Tree().root() == EMPTY_ROOT == recursive.tree_hash([])


def test_the_seven_leaf_tree_of_the_rfc():
    """The names are those of the figures in 2.1.5."""
    a, b, c, d, e, f, j = HASHES[:7]
    g, hh, i = h(a, b), h(c, d), h(e, f)
    k, ll = h(g, hh), h(i, j)
    tree = Tree(HASHES[:7])
    assert tree.root() == h(k, ll) == recursive.tree_hash(LEAVES[:7])
    assert tree.inclusion(0) == [b, hh, ll]
    assert tree.inclusion(3) == [c, g, ll]
    assert tree.inclusion(4) == [f, j, k]
    assert tree.inclusion(6) == [i, k]
    assert tree.root(3) == h(g, c)
    assert tree.root(4) == k
    assert tree.root(6) == h(k, i)
    assert tree.consistency(3) == [c, d, g, ll]
    assert tree.consistency(4) == [ll]
    assert tree.consistency(6) == [i, j, k]


@pytest.mark.parametrize("size", range(1, MANY + 1))
def test_roots_and_proofs_are_those_of_the_recursive_definition(size: int):
    leaves = LEAVES[:size]
    root = recursive.tree_hash(leaves)
    assert TREE.root(size) == Tree(HASHES[:size]).root() == root_of(HASHES[:size]) == root
    for index in range(size):
        proof = TREE.inclusion(index, size)
        assert proof == recursive.path(index, leaves)
        assert is_included(HASHES[index], index, size, proof, root)
    for old in range(1, size + 1):
        proof = TREE.consistency(old, size)
        assert proof == recursive.proof(old, leaves)
        assert is_consistent(old, size, proof, TREE.root(old), root)


@given(st.lists(st.integers(0, 20), max_size=8))
def test_however_leaves_come_the_tree_is_the_same(pieces: list[int]):
    tree, frontier, start = Tree(), Frontier(), 0
    for piece in pieces:
        batch = [sha256(b"\0" + bytes((number,))).digest() for number in range(start, start + piece)]
        tree.extend(batch)
        frontier, start = frontier.extended(batch), start + piece
        assert tree.size == frontier.size == start
        assert len(frontier.nodes) == start.bit_count()
        assert tree.root() == frontier.root() == recursive.tree_hash([bytes((number,)) for number in range(start)])


@settings(max_examples=300, deadline=None)
@given(SIZES, st.data())
def test_an_inclusion_proof_with_any_bit_changed_is_refused(size: int, data: st.DataObject):
    index = data.draw(st.integers(0, size - 1))
    proof, root = TREE.inclusion(index, size), TREE.root(size)
    what = data.draw(st.integers(0, len(proof) + 1))
    bit = data.draw(st.integers(0, 255))
    if what == len(proof):
        assert not is_included(flipped(HASHES[index], bit), index, size, proof, root)
    elif what > len(proof):
        assert not is_included(HASHES[index], index, size, proof, flipped(root, bit))
    else:
        wrong = [flipped(node, bit) if place == what else node for place, node in enumerate(proof)]
        assert not is_included(HASHES[index], index, size, wrong, root)


@settings(max_examples=300, deadline=None)
@given(SIZES, SIZES, st.data())
def test_a_consistency_proof_with_any_bit_changed_is_refused(one: int, other: int, data: st.DataObject):
    old, new = sorted((one, other))
    proof, roots = TREE.consistency(old, new), [TREE.root(old), TREE.root(new)]
    run = [*proof, *roots]
    what, bit = data.draw(st.integers(0, len(run) - 1)), data.draw(st.integers(0, 255))
    run[what] = flipped(run[what], bit)
    assert not is_consistent(old, new, run[:-2], *run[-2:])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 21])
def test_a_proof_holds_for_its_own_place_and_length_only(size: int):
    root = TREE.root(size)
    for index in range(size):
        proof = TREE.inclusion(index, size)
        for place in range(-1, size + 1):
            assert is_included(HASHES[index], place, size, proof, root) is (place == index)
        assert not is_included(HASHES[index], index, size, [*proof, root], root)
        assert not proof or not is_included(HASHES[index], index, size, proof[:-1], root)
    for old in range(1, size):
        proof = TREE.consistency(old, size)
        assert not is_consistent(old, size, [*proof, root], TREE.root(old), root)
        assert not is_consistent(old, size, proof[:-1], TREE.root(old), root)
        assert not is_consistent(size, old, proof, root, TREE.root(old))
        assert not is_consistent(0, size, proof, EMPTY_ROOT, root)


def test_what_a_tree_does_not_have_is_refused():
    for question in (
        lambda: TREE.root(MANY + 1),
        lambda: TREE.inclusion(5, 5),
        lambda: TREE.inclusion(-1),
        lambda: TREE.consistency(0),
        lambda: TREE.consistency(6, 5),
        lambda: TREE.consistency(5, MANY + 1),
    ):
        with pytest.raises(TreeError):
            question()
