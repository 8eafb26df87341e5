"""Trees with sums against a second implementation; below zero, beyond int64 and every changed number is refused."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyuan.anchor.sums import EMPTY, INT64_MAX, SumNode, SumTree, is_counted, sum_leaf, sum_node
from keyuan.anchor.trees import TreeError
from unit.anchor import recursive

ACCOUNTS = [(bytes((number,)) * 32, (number * 7, number, number % 3, number % 2)) for number in range(40)]
LEAVES = [sum_leaf(*account) for account in ACCOUNTS]


def test_a_book_without_accounts_owes_nothing():
    assert SumTree().root == EMPTY == recursive.sum_hash([])


@pytest.mark.parametrize("size", range(1, 41))
def test_root_and_proofs_of_every_size(size: int):
    tree = SumTree(LEAVES[:size])
    assert tree.root == recursive.sum_hash(ACCOUNTS[:size])
    for place in range(size):
        proof = tree.inclusion(place)
        for other in range(-1, size + 1):
            assert is_counted(LEAVES[place], other, size, proof, tree.root) is (other == place)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=8), st.integers(0, 99))
def test_however_accounts_come_and_change_the_root_is_that_of_all(steps: list[tuple[int, int]], seed: int):
    random, tree, accounts = Random(seed), SumTree(), list[tuple[bytes, tuple[int, int, int, int]]]()
    for new, changed in steps:
        places = {place: random.randbytes(32) for place in random.sample(range(len(accounts)), min(changed, tree.size))}
        places |= {len(accounts) + place: random.randbytes(32) for place in range(new)}
        accounts += [(b"", (0, 0, 0, 0))] * new
        for place, head in places.items():
            accounts[place] = (head, (random.randrange(1000), random.randrange(9), 0, random.randrange(5)))
        before = tree.root
        patch = tree.patch({place: sum_leaf(*accounts[place]) for place in places})
        assert tree.root == before
        tree.apply(patch)
        assert tree.root == patch.root == recursive.sum_hash(accounts)
        assert tree.size == patch.size == len(accounts)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 40), st.data())
def test_a_proof_with_anything_changed_is_refused(size: int, data: st.DataObject):
    tree = SumTree(LEAVES[:size])
    place = data.draw(st.integers(0, size - 1))
    run = [*tree.inclusion(place), LEAVES[place], tree.root]
    what, part = data.draw(st.integers(0, len(run) - 1)), data.draw(st.integers(0, 4))
    node: list[Any] = list(run[what])
    if part:
        node[part] += data.draw(st.sampled_from([1, -1, 1 << 40, -(1 << 62), INT64_MAX]))
    else:
        bit = data.draw(st.integers(0, 255))
        node[0] = bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(node[0]))
    run[what] = SumNode(*node)
    assert not is_counted(run[-2], place, size, run[:-2], run[-1])


@pytest.mark.parametrize("balances", [(-1, 0, 0, 0), (0, 0, 0, -1), (0, INT64_MAX + 1, 0, 0)])
def test_a_balance_that_cannot_be_is_refused(balances: tuple[int, int, int, int]):
    with pytest.raises(TreeError):
        sum_leaf(bytes(32), balances)


def test_a_sum_beyond_int64_is_refused():
    most, one = sum_leaf(bytes(32), (INT64_MAX, 0, 0, 0)), sum_leaf(bytes(32), (1, 0, 0, 0))
    with pytest.raises(TreeError):
        sum_node(most, one)
    with pytest.raises(TreeError):
        SumTree([most, one])
    assert not is_counted(most, 0, 2, [one], EMPTY)


def test_a_negative_sum_cannot_make_what_is_owed_smaller():
    owed, less = sum_leaf(bytes(32), (100, 0, 0, 0)), SumNode(bytes(32), -60, 0, 0, 0)
    with pytest.raises(TreeError):
        sum_node(owed, less)


def test_new_accounts_leave_no_gap():
    with pytest.raises(TreeError):
        SumTree(LEAVES[:3]).patch({4: LEAVES[4]})
    with pytest.raises(TreeError):
        SumTree(LEAVES[:3]).inclusion(3)
