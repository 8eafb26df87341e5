"""Closing epochs: the same again from the same, nothing changes before it is taken over, nothing that cannot be."""

from copy import deepcopy
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from keyuan.anchor.bundle import ProofError, bundle
from keyuan.anchor.epoch import BookState, EpochError, LedgerState, Since, Standing, advance, close
from keyuan.anchor.keyuan_verify import verify
from keyuan.anchor.leaf import NO_DIGEST, encode, leaf_hash
from keyuan.anchor.sums import sum_leaf
from keyuan.anchor.trees import Frontier, Tree, TreeError, root_of
from keyuan.ledger.model import Kind
from unit.anchor import recursive
from unit.anchor.made_up import DOMAIN, SIZES, History, fresh, written

WHOLE = History()
SINCE = Since(bytes(range(32)))


def test_the_same_input_gives_the_same_commitments():
    again = [epoch.commitment for epoch in History().closed]
    assert again == [epoch.commitment for epoch in WHOLE.closed]
    assert [epoch.commitment for epoch in History(seed=13).closed] != again


def test_headers_are_chained_and_their_leaves_have_no_gap():
    headers = [epoch.header for epoch in WHOLE.closed]
    assert headers[0].previous == NO_DIGEST
    assert (headers[0].first_seq, headers[-1].last_seq) == (1, sum(SIZES))
    for before, after in pairwise(headers):
        assert after.previous == before.commitment()
        assert after.first_seq == before.last_seq + 1
        assert after.epoch == before.epoch + 1


def test_the_three_roots_are_those_of_the_recursive_definition():
    leaves = [body for epoch in WHOLE.closed for body in epoch.bodies]
    for epoch in WHOLE.closed:
        header = epoch.header
        assert header.batch_root == recursive.tree_hash(leaves[header.first_seq - 1 : header.last_seq])
        assert header.log_root == recursive.tree_hash(leaves[: header.last_seq])
    for (brand, _), record in WHOLE.closed[-1].records.items():
        own = {movement.account for movement in WHOLE.movements if movement.brand == brand}
        standings = sorted((WHOLE.state.standings[each] for each in own), key=lambda each: each.place)
        assert record.root == recursive.sum_hash([(each.head, each.balances) for each in standings])


def test_each_account_is_a_chain_of_leaves():
    for account in WHOLE.accounts():
        leaves = WHOLE.holding(account).leaves
        assert [leaf.account_seq for leaf in leaves] == list(range(1, len(leaves) + 1))
        for before, after in pairwise(leaves):
            assert after.previous == leaf_hash(encode(before))
            assert after.account == before.account


def test_closing_changes_nothing_until_it_is_taken_over():
    history = History(sizes=SIZES[:2])
    batch = [WHOLE.movements[0]._replace(kind=Kind.AWARD, account=99), *WHOLE.movements[:3]]
    batch = [each for each in batch if each.kind == Kind.AWARD]
    given = fresh(Random(1), history.state, batch)
    before = deepcopy((history.state.standings, history.state.log, history.state.epoch))
    roots = {book: state.tree.root for book, state in history.state.books.items()}
    first, second = (close(history.state, batch, given, 5, SINCE) for _ in range(2))
    assert (history.state.standings, history.state.log, history.state.epoch) == before
    assert {book: state.tree.root for book, state in history.state.books.items()} == roots
    assert first.commitment == second.commitment
    advance(history.state, first)
    with pytest.raises(EpochError):
        advance(history.state, second)


def test_a_state_built_from_what_is_stored_closes_the_next_epoch_in_the_same_way():
    """What a restart does: leaves, headers and records are enough."""
    short = History(sizes=SIZES[:4], drawn=sum(SIZES))
    hashes = [each for epoch in short.closed for each in epoch.hashes]
    newest = short.closed[-1]
    books: dict[tuple[str, str], BookState] = {}
    standings: dict[int, Standing] = dict(short.state.standings)
    for book, record in newest.records.items():
        own = {movement.account for movement in short.movements if movement.brand == book[0]}
        places = sorted((standings[each] for each in own), key=lambda each: each.place)
        books[book] = BookState([sum_leaf(each.head, each.balances) for each in places], record.since)
    header = newest.header
    state = LedgerState(
        DOMAIN, header.epoch, newest.commitment, Frontier().extended(hashes), header.terms, header.terms_head, books,
        standings,
    )  # fmt: skip
    batch = WHOLE.movements[sum(SIZES[:4]) :]
    given = fresh(Random(3), short.state, batch)
    assert close(state, batch, given, 7, SINCE).commitment == close(short.state, batch, given, 7, SINCE).commitment


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": Kind.REDEEM, "account": 99, "points": 1}, "more than there is"),
        ({"kind": Kind.CAPTURE, "account": 99, "points": 1}, "more than there is"),
        ({"points": 0}, "more than there is"),
        ({"points": -5}, "more than there is"),
    ],
    ids=str,
)
def test_a_movement_that_cannot_be_is_refused(changes: dict[str, Any], reason: str):
    state = LedgerState(DOMAIN)
    batch = [WHOLE.movements[0]._replace(kind=Kind.AWARD)._replace(**changes)]
    with pytest.raises(EpochError, match=reason):
        close(state, batch, fresh(Random(1), state, batch), 0, SINCE)


def test_salts_and_pseudonyms_have_to_be_there_and_different():
    state, batch = LedgerState(DOMAIN), [each for each in WHOLE.movements if each.kind == Kind.AWARD][:8]
    good = fresh(Random(1), state, batch)
    one = good.salts[0]
    shared = dict.fromkeys(good.pseudonyms, one)
    assert len(shared) > 1
    for wrong in (
        good._replace(salts=good.salts[1:]),
        good._replace(salts=[one] * len(batch)),
        good._replace(pseudonyms={}),
        good._replace(pseudonyms=shared),
    ):
        with pytest.raises(EpochError):
            close(state, batch, wrong, 0, SINCE)
    with pytest.raises(EpochError):
        close(state, [], good._replace(salts=[], pseudonyms={}), 0, SINCE)


def test_when_somebody_is_erased_everybody_elses_proof_stays_whole():
    """All that is left of her is the hashes of her leaves and the nameless sums of her account."""
    erased, *others = WHOLE.accounts()
    before = {account: written(WHOLE.bundle(account)) for account in others}
    left = History()
    for epoch in left.closed:
        for place, leaf in enumerate(epoch.leaves):
            if leaf.account == WHOLE.state.standings[erased].pseudonym:
                epoch.bodies[place] = b""
                epoch.leaves[place] = leaf._replace(account=b"", salt=b"", available=0, delta=0, reference=None)
    left.state.standings[erased] = left.state.standings[erased]._replace(pseudonym=b"", head=b"")
    for account in others:
        file = written(left.bundle(account))
        assert file == before[account]
        assert verify(file, WHOLE.root()).movements
    assert root_of([each for epoch in left.closed for each in epoch.hashes]) == WHOLE.closed[-1].header.log_root


def test_a_hash_that_is_left_cannot_be_tried_out():
    """Who guesses every field but the salt, pseudonym included, does not find the hash."""
    leaf = WHOLE.closed[0].leaves[0]
    guesses = [leaf_hash(encode(leaf._replace(salt=bytes((guess,)) * 32))) for guess in range(256)]
    assert WHOLE.closed[0].hashes[0] not in guesses


def test_parts_that_do_not_belong_together_make_no_proof():
    account = WHOLE.accounts()[0]
    holding, ledger = WHOLE.holding(account), WHOLE.ledger()
    balances = WHOLE.book(holding.brand).tree
    for wrong in (
        holding._replace(leaves=[], references=[]),
        holding._replace(references=[b"x" * 32] * len(holding.leaves)),
        holding._replace(brand="nobody"),
    ):
        with pytest.raises(ProofError):
            bundle(ledger, wrong, balances)
    with pytest.raises(TreeError):
        Tree().inclusion(0)
