"""An operator who publishes commitments to something false: every root is right, and still the proof is refused.

And the other way round: with one check taken out of the verifier, something that was tampered passes.
"""

from typing import Any

import pytest

from keyuan.anchor import keyuan_verify
from keyuan.anchor.bundle import bundle
from keyuan.anchor.header import BookRecord, Flows, Header
from keyuan.anchor.keyuan_verify import RefusedError, Root, verify
from keyuan.anchor.leaf import text_digest
from keyuan.anchor.sums import SumNode
from keyuan.anchor.trees import Frontier, Tree
from unit.anchor import tampering
from unit.anchor.made_up import DOMAIN, SIZES, History, hashes_of, written

WHOLE = History()
HERS = WHOLE.accounts()[0]


def published(file: Any, headers: list[Header]) -> str:
    """Publish these headers, put them into a file, and return why it is refused all the same."""
    root = Root(DOMAIN.chain_id, DOMAIN.contract, [header.commitment() for header in headers])
    for place, header in enumerate(headers):
        for name in ("batch_root", "log_root", "books_digest", "terms_head"):
            file["headers"][place][name] = getattr(header, name).hex()
        for name in ("last_seq", "books", "terms", "closed_at_us"):
            file["headers"][place][name] = getattr(header, name)
    with pytest.raises(RefusedError) as refused:
        verify(written(file), root)
    return str(refused.value)


def headers_of(history: History) -> list[Header]:
    return [epoch.header for epoch in history.closed]


def chained(headers: list[Header], place: int, **changes: Any) -> list[Header]:
    """Return headers of which one is another, and those after it stand on it."""
    found = [*headers[:place], headers[place]._replace(**changes)]
    for header in headers[place + 1 :]:
        found.append(header._replace(previous=found[-1].commitment()))
    return found


def table(lines: list[dict[str, str]]) -> bytes:
    return keyuan_verify.sha(*[bytes.fromhex(line[name]) for line in lines for name in ("brand", "currency", "record")])


def test_one_total_for_auditors_and_another_for_customers():
    """A book that stands twice in the table would have two sums."""
    file = WHOLE.audit("acme")
    true = WHOLE.closed[-1].records["acme", "points"]
    smaller = BookRecord(*true[:2], 1, SumNode(b"\7" * 32, 1, 0, 0, 0), Flows(), Flows(issued=1)).line()
    extra = {"brand": smaller.brand.hex(), "currency": smaller.currency.hex(), "record": smaller.record.hex()}
    file["books"] = sorted([*file["books"], extra], key=lambda line: tuple(line.values()))
    headers = headers_of(WHOLE)
    headers = chained(headers, len(headers) - 1, books=len(file["books"]), books_digest=table(file["books"]))
    assert "one stands twice" in published(file, headers)


def test_a_record_that_does_not_add_up():
    file = WHOLE.audit("acme")
    file["record"]["since"]["expired"] += 1
    true = WHOLE.closed[-1].records["acme", "points"]
    line = true._replace(since=true.since.plus(Flows(expired=1))).line()
    for each in file["books"]:
        if each["brand"] == text_digest("acme").hex():
            each["record"] = line.record.hex()
    headers = headers_of(WHOLE)
    headers = chained(headers, len(headers) - 1, books_digest=table(file["books"]))
    assert "what came and went is not what is there" in published(file, headers)


def test_history_that_was_rewritten_under_a_new_root():
    """The old commitment stays where it is, and the new log does not go on from it."""
    rewritten = Tree([b"\5" * 32 if number == 3 else leaf for number, leaf in enumerate(all_hashes())])
    headers = headers_of(WHOLE)
    for place in range(2, len(headers)):
        headers = chained(headers, place, log_root=rewritten.root(headers[place].last_seq))
    assert "epoch 3: its log does not go on from before" in published(WHOLE.bundle(HERS), headers)


def all_hashes() -> list[bytes]:
    return [leaf for epoch in WHOLE.closed for leaf in epoch.hashes]


def test_terms_that_were_put_in_afterwards():
    """New terms become known with the last epoch; an award before them cannot have followed them."""
    late = History(known=(3, 3, 3, 3, 4))
    place = next(place for place, movement in enumerate(late.movements) if movement.rule_version == 2)
    assert place < sum(SIZES[:4])
    with pytest.raises(RefusedError, match="version 1 of the terms was in force"):
        verify(written(late.bundle(late.movements[place].account)), late.root())


def test_terms_that_were_changed_afterwards():
    """The header of each epoch names the terms of its time; better ones in the newest alone do not fit the rest."""
    file = WHOLE.bundle(HERS)
    changed = [WHOLE.terms[0]._replace(daily_cap=1_000), *WHOLE.terms[1:]]
    file["terms"][0]["daily_cap"] = 1_000
    headers = headers_of(WHOLE)
    headers = chained(headers, len(headers) - 1, terms_head=keyuan_terms_head(changed))
    assert "epoch 1: these are not the terms that it committed to" in published(file, headers)


def keyuan_terms_head(versions: Any) -> bytes:
    head = bytes(32)
    for each in hashes_of(versions):
        head = keyuan_verify.sha(b"\4", head, each)
    return head


def test_somebody_left_out_of_the_sum_has_no_proof():
    """The brand's tree without one account gives a smaller total, and to her no way up to it."""
    holding = WHOLE.holding(HERS)
    tree = WHOLE.book(holding.brand).tree
    shown = bundle(WHOLE.ledger(), holding._replace(place=(holding.place + 1) % tree.size), tree)
    with pytest.raises(RefusedError, match="not counted"):
        verify(written(shown), WHOLE.root())


@pytest.mark.parametrize("wrong", [-1, 2**63])
def test_a_sum_that_is_negative_or_too_large_is_not_even_read(wrong: int):
    file = WHOLE.audit("acme")
    file["accounts"][0]["available"] = wrong
    with pytest.raises(RefusedError, match="must be a whole number from 0"):
        verify(written(file), WHOLE.root())


def test_sums_that_would_wrap_around_are_refused():
    file = WHOLE.audit("acme")
    for account in file["accounts"]:
        account["available"] = 2**63 - 1
    with pytest.raises(RefusedError, match="larger than any that can be written"):
        verify(written(file), WHOLE.root())


def anything(*_: Any) -> bool:
    return True


def nothing(*_: Any) -> None:
    pass


def same_terms(*_: Any) -> keyuan_verify.Terms:
    return TERMS


def same_epochs(*_: Any) -> list[keyuan_verify.Epoch]:
    return EPOCHS


@pytest.mark.parametrize(
    ("name", "hole", "passes"),
    [
        ("is_included", anything, ".leaves[0].proof[0]: first bit"),
        ("is_consistent", anything, ".headers[1].consistency[0]: first bit"),
        ("check_balance", nothing, ".balance.place: one more"),
        ("check_terms", same_terms, ".terms[0].doubled: 0 dropped"),
        ("check_headers", same_epochs, ".headers[0].batch_root: zeros"),
        ("need", nothing, ".books[0].record: zeros"),
    ],
)
def test_with_a_check_taken_out_something_passes(name: str, hole: Any, passes: str, monkeypatch: pytest.MonkeyPatch):
    """What is refused is refused by this very check, so none is there in vain."""
    wrong = next(file for what, file in tampering.tampered(WHOLE.bundle(HERS)) if what == passes)
    with pytest.raises(RefusedError):
        verify(written(wrong), WHOLE.root())
    monkeypatch.setattr(keyuan_verify, name, hole)
    assert verify(written(wrong), WHOLE.root()).movements


WHOLE_FILE = keyuan_verify.parse(written(WHOLE.bundle(HERS)), "keyuan/bundle/0")
EPOCHS = keyuan_verify.check_headers(WHOLE_FILE, WHOLE.root())
TERMS = keyuan_verify.check_terms(WHOLE_FILE, EPOCHS)


def test_a_log_that_grows_by_one_leaf_has_another_root():
    log = Frontier().extended(all_hashes())
    assert log.extended([b"\1" * 32]).root() != log.root()
