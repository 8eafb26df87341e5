"""Code and terms taken from a chain: what is whole comes back to life, every lie is noticed."""

from collections.abc import Callable

import pytest

from contracts import deployed
from contracts.deployed import BOOK, DAY, DELAY_S, FIRST, NOTICE_S, Deployed
from contracts.planted import BEGUN_S, OURS, begun, record
from keyuan.contracts import (
    AnswerError,
    Purchase,
    ReplayError,
    Terms,
    TermsRecord,
    quote_many,
    read_terms,
    replayed,
    terms_hashes,
)
from keyuan.contracts.artifacts import TARGETS, Target
from keyuan.contracts.replay import TermsCode
from keyuan.engines.evm import open_machine

NEXT = FIRST._replace(starts_at_us=(BEGUN_S + 2 * DAY) * 10**6, minor_per_point=90)
THIRD = NEXT._replace(starts_at_us=(BEGUN_S + 40 * DAY) * 10**6, daily_cap=100)
WHOLE = record(FIRST, NEXT, THIRD)
ROWS = [Purchase(12_345, 678, 0), Purchase(10**9, 0, 120), Purchase(0, 0, 0)]


@pytest.mark.parametrize("target", TARGETS)
def test_a_deployed_contract_is_read_and_run_again(target: Target):
    chain = deployed.tester()
    publisher, other = chain.get_accounts()[1:3]
    contract = deployed.terms(chain, publisher, target)
    versions = append_three(contract, publisher)
    deployed.rotate(contract, publisher, other)
    found = read_terms(contract.code, contract.raw_call)
    assert found.book == BOOK
    assert (found.notice_s, found.rotation_delay_s) == (NOTICE_S, DELAY_S)
    assert list(found.versions) == versions
    assert list(found.hashes) == [contract.call("terms_hash", version) for version in (1, 2, 3)]
    code = replayed(found, open_machine)
    assert code.target == target
    for version, terms in enumerate(versions, 1):
        quotes = [contract.call("quote", version, *row) for row in ROWS]
        assert code.quote_many(version, ROWS) == quotes == quote_many(terms, ROWS)
        assert list(contract.call("quote_many", version, ROWS)) == quotes


def append_three(contract: Deployed, publisher: str) -> list[Terms]:
    versions = [FIRST]
    for days, changes in ((1, {"minor_per_point": 90}), (40, {"daily_cap": 100})):
        starts_at_us = (deployed.now_s(contract.tester) + days * DAY) * 10**6
        versions.append(versions[-1]._replace(starts_at_us=starts_at_us, **changes))
        contract.send(publisher, "append", len(versions), versions[-1])
    return versions


def test_a_whole_record_runs():
    code = replayed(WHOLE, open_machine)
    assert code.target == "cancun"
    assert code.quote_many(3, ROWS) == quote_many(THIRD, ROWS)


def rehashed(lie: TermsRecord) -> TermsRecord:
    return lie._replace(hashes=tuple(terms_hashes(lie.book, lie.versions)))


LIES: dict[str, tuple[Callable[[], TermsRecord], str]] = {
    "other terms shown than hashed": (
        lambda: WHOLE._replace(versions=(FIRST._replace(daily_cap=501), NEXT, THIRD)),
        "not the digest of the terms",
    ),
    "a version left out": (
        lambda: WHOLE._replace(versions=(FIRST, THIRD), hashes=(WHOLE.hashes[0], WHOLE.hashes[2])),
        "not the digest of the terms",
    ),
    "one hash too few": (lambda: WHOLE._replace(hashes=WHOLE.hashes[:2]), "not the digest of the terms"),
    "back-dated terms": (
        lambda: rehashed(WHOLE._replace(announced_at_s=(BEGUN_S, BEGUN_S + 3 * DAY, BEGUN_S + 4 * DAY))),
        "break the contract's own laws",
    ),
    "hurting terms without notice": (
        lambda: rehashed(
            WHOLE._replace(versions=(FIRST, NEXT, THIRD._replace(starts_at_us=NEXT.starts_at_us + 10**6)))
        ),
        "break the contract's own laws",
    ),
    "a notice that no contract can have": (lambda: WHOLE._replace(notice_s=0), "break the contract's own laws"),
    "another book in the code": (
        lambda: rehashed(WHOLE._replace(book=BOOK._replace(brand=b"\7" * 32))),
        "does not hold the terms",
    ),
    "code that is no contract": (lambda: WHOLE._replace(code=b"\0"), "does not hold the terms"),
    "code that always refuses": (lambda: WHOLE._replace(code=bytes.fromhex("5f5ffd")), "does not hold the terms"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_noticed(lie: str):
    told, says = LIES[lie]
    with pytest.raises(ReplayError, match=says):
        replayed(told(), open_machine)


def test_code_that_is_not_made_of_our_source_is_said_to_be_so():
    # One byte behind everything that is ever run: the quotes are right, and yet it is other code.
    code = replayed(WHOLE._replace(code=OURS + b"\0"), open_machine)
    assert code.target is None
    assert code.quote_many(1, ROWS) == quote_many(FIRST, ROWS)


ANSWERS = {
    "latest()": [b"", b"\0" * 32, (10**9).to_bytes(32, "big"), b"\1" * 32, b"\0" * 31],
    "book()": [b"", b"\1" * 95],
    "terms(uint64)": [b"\0" * 159, b"\1" * 160],
    "notice_s()": [b"\1" * 32],
    "announced_at_s(uint64)": [b"\1" * 32],
    "terms_hash(uint64)": [b"\0" * 33],
}


@pytest.mark.parametrize(
    ("signature", "answer"), [(each, answer) for each, found in ANSWERS.items() for answer in found]
)
def test_an_answer_that_is_none_is_refused(signature: str, answer: bytes):
    machine = begun()
    lying = deployed.load("ProgramTerms").selectors[signature]
    with pytest.raises((AnswerError, ReplayError)):
        read_terms(OURS, lambda data: answer if data[:4] == lying else machine.call(data))


def test_no_code_is_no_contract():
    with pytest.raises(ReplayError, match="no code"):
        read_terms(b"", begun().call)


class Lying:
    """A machine whose code answers every question with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._inner, self._answer = begun(), answer
        self.create, self.send, self.replace_code = self._inner.create, self._inner.send, self._inner.replace_code

    def call(self, data: bytes) -> bytes:
        del data
        return self._answer


def word(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


@pytest.mark.parametrize(
    "answer", [b"", word(32, 1, 5)[:-1], word(32, 2, 5), word(64, 1, 5), word(32, 1, 5, 0), word(32, 1, 2**64 + 5)]
)
def test_a_quote_that_is_no_list_of_points_is_refused(answer: bytes):
    with pytest.raises(ReplayError):
        TermsCode(Lying(answer), WHOLE).quote_many(1, ROWS[:1])


def test_a_version_that_the_contract_does_not_have_is_not_quoted():
    with pytest.raises(ReplayError, match="no such version"):
        replayed(WHOLE, open_machine).quote_many(4, ROWS)
