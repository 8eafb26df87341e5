"""ProgramTerms on a chain: what it says when it is made and when terms come, and what it cannot be made with."""

from dataclasses import dataclass, replace

import pytest

from contracts import deployed
from contracts.deployed import BOOK, DAY, DELAY_S, FIRST, NOTICE_S, TransactionFailed
from keyuan.contracts import Book, InvalidTermsError, Terms, check_first, our_target, read_terms, terms_hash
from keyuan.contracts.artifacts import TARGETS, Target
from keyuan.contracts.terms import AHEAD_MAX_S, MONTHS_MAX, NO_HASH, NOTICE_MAX_S, NOTICE_MIN_S, NUMBER_MAX


@pytest.mark.parametrize("target", TARGETS)
def test_each_version_is_an_event_with_its_hash(target: Target):
    chain = deployed.tester()
    publisher = chain.get_accounts()[1]
    contract = deployed.terms(chain, publisher, target)
    first_hash = terms_hash(BOOK, 1, FIRST, NO_HASH)
    said = {"version": 1, "starts_at_us": FIRST.starts_at_us, "terms": tuple(FIRST), "terms_hash": first_hash}
    assert contract.logged(contract.made)[-1] == ("TermsAppended", said)
    assert contract.call("announced_at_s", 1) == deployed.now_s(chain)
    terms = FIRST._replace(starts_at_us=(deployed.now_s(chain) + DAY) * 10**6, minor_per_point=50)
    sent = contract.send(publisher, "append", 2, terms)
    second_hash = terms_hash(BOOK, 2, terms, first_hash)
    said = {"version": 2, "starts_at_us": terms.starts_at_us, "terms": tuple(terms), "terms_hash": second_hash}
    assert contract.logged(sent) == [("TermsAppended", said)]
    assert [contract.call("terms_hash", version) for version in (1, 2)] == [first_hash, second_hash]
    assert contract.call("terms", 2) == tuple(terms)
    assert contract.call("book") == tuple(BOOK)
    assert contract.call("notice_s") == NOTICE_S
    assert contract.call("latest") == 2
    assert our_target(read_terms(contract.code, contract.raw_call)) == target


@pytest.mark.parametrize("function", ["terms", "terms_hash", "announced_at_s"])
@pytest.mark.parametrize("version", [0, 2, 2**64 - 1])
def test_there_is_no_other_version(function: str, version: int):
    chain = deployed.tester()
    contract = deployed.terms(chain, chain.get_accounts()[1])
    with pytest.raises(TransactionFailed, match="ProgramTerms: no such version"):
        contract.call(function, version)
    for ask in (("quote", version, 1, 0, 0), ("quote_many", version, [(1, 0, 0)])):
        with pytest.raises(TransactionFailed, match="ProgramTerms: no such version"):
            contract.call(*ask)


def test_a_batch_has_at_most_a_thousand_purchases():
    chain = deployed.tester()
    contract = deployed.terms(chain, chain.get_accounts()[1])
    assert contract.call("quote_many", 1, [(100, 0, 0)] * 1_000) == (1,) * 1_000
    assert contract.call("quote_many", 1, []) == ()
    with pytest.raises(TransactionFailed):
        contract.call("quote_many", 1, [(100, 0, 0)] * 1_001)


@dataclass(frozen=True)
class Made:
    """What a contract is made with, and whether it can be."""

    works: bool = True
    notice_s: int = NOTICE_S
    book: Book = BOOK
    first: Terms = FIRST
    ahead_s: int | None = None


GOOD, BAD = Made(), Made(works=False)
CASES = {
    "the shortest notice": replace(GOOD, notice_s=NOTICE_MIN_S),
    "too short a notice": replace(BAD, notice_s=NOTICE_MIN_S - 1),
    "the longest notice": replace(GOOD, notice_s=NOTICE_MAX_S),
    "too long a notice": replace(BAD, notice_s=NOTICE_MAX_S + 1),
    "no brand": replace(BAD, book=BOOK._replace(brand=bytes(32))),
    "no currency": replace(BAD, book=BOOK._replace(currency=bytes(32))),
    "no rule": replace(BAD, book=BOOK._replace(rule=bytes(32))),
    "from the beginning of time": replace(GOOD, first=FIRST._replace(starts_at_us=1)),
    "no start": replace(BAD, first=FIRST._replace(starts_at_us=0)),
    "a start far ahead": replace(GOOD, ahead_s=AHEAD_MAX_S),
    "a start too far ahead": replace(BAD, ahead_s=AHEAD_MAX_S + 1),
    "points for nothing": replace(BAD, first=FIRST._replace(minor_per_point=0)),
    "the dearest points": replace(GOOD, first=FIRST._replace(minor_per_point=NUMBER_MAX)),
    "points too dear": replace(BAD, first=FIRST._replace(minor_per_point=NUMBER_MAX + 1)),
    "no cap": replace(BAD, first=FIRST._replace(daily_cap=0)),
    "the highest cap": replace(GOOD, first=FIRST._replace(daily_cap=NUMBER_MAX)),
    "too high a cap": replace(BAD, first=FIRST._replace(daily_cap=NUMBER_MAX + 1)),
    "expiry at once": replace(BAD, first=FIRST._replace(expiry_months=0)),
    "expiry in a century": replace(GOOD, first=FIRST._replace(expiry_months=MONTHS_MAX)),
    "expiry later": replace(BAD, first=FIRST._replace(expiry_months=MONTHS_MAX + 1)),
}


@pytest.fixture(scope="module")
def chain() -> deployed.EthereumTester:
    return deployed.tester()


@pytest.mark.parametrize("case", CASES)
def test_a_contract_is_made_with_sound_terms_only(chain: deployed.EthereumTester, case: str):
    made = CASES[case]
    now_s = deployed.now_s(chain) + 1
    first = made.first
    if made.ahead_s is not None:
        first = first._replace(starts_at_us=(now_s + made.ahead_s) * 10**6)
    publisher = chain.get_accounts()[1]
    contract = deployed.deploy(chain, "ProgramTerms", publisher, DELAY_S, made.notice_s, made.book, first)
    assert bool(chain.get_transaction_receipt(contract.made)["status"]) is made.works
    if made.works:
        check_first(made.book, first, made.notice_s, now_s)
    else:
        with pytest.raises(InvalidTermsError):
            check_first(made.book, first, made.notice_s, now_s)


def test_a_digest_of_another_width_is_refused_by_the_mirror(chain: deployed.EthereumTester):
    with pytest.raises(InvalidTermsError, match="32 bytes"):
        check_first(BOOK, FIRST._replace(doubled=b"\1"), NOTICE_S, deployed.now_s(chain))
