"""The laws of new terms: no back-dating, notice for what may hurt, none for what helps; tried on the bytecode."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.deployed import BOOK, DAY, FIRST, NOTICE_S
from contracts.planted import BEGUN_S, OURS, begun, takes, with_bug
from keyuan.contracts import (
    InvalidTermsError,
    Terms,
    check_next,
    doubled_digest,
    may_hurt,
    quote_many,
    read_terms,
    terms_hashes,
    version_at,
)
from keyuan.contracts.replay import TermsCode
from keyuan.contracts.terms import AHEAD_MAX_S, MONTHS_MAX, NUMBER_MAX
from keyuan.engines.evm import best_kind

NOW_S = BEGUN_S + 3 * DAY
FEW = 300 if best_kind() == "pyrevm" else 30
OTHER = doubled_digest(["bread", "milk"])


def second(us: int) -> int:
    return us * 10**6


def may_follow(before: Terms, terms: Terms, now_s: int) -> bool:
    try:
        check_next(before, terms, NOTICE_S, now_s)
    except InvalidTermsError:
        return False
    return True


SAME_NEXT = FIRST._replace(starts_at_us=second(NOW_S + DAY))
SOON, LATE, NOTICED = second(NOW_S), second(NOW_S + AHEAD_MAX_S), second(NOW_S + NOTICE_S)
EDGES = [
    (SAME_NEXT, True),
    (SAME_NEXT._replace(starts_at_us=SOON), True),
    (SAME_NEXT._replace(starts_at_us=SOON - 1), False),
    (SAME_NEXT._replace(starts_at_us=LATE), True),
    (SAME_NEXT._replace(starts_at_us=LATE + 1), False),
    (SAME_NEXT._replace(starts_at_us=2**64 - 1), False),
    (SAME_NEXT._replace(starts_at_us=0), False),
    (SAME_NEXT._replace(minor_per_point=99, daily_cap=501, expiry_months=13, starts_at_us=SOON), True),
    (SAME_NEXT._replace(minor_per_point=0), False),
    (SAME_NEXT._replace(minor_per_point=1), True),
    (SAME_NEXT._replace(minor_per_point=101), False),
    (SAME_NEXT._replace(minor_per_point=101, starts_at_us=NOTICED - 1), False),
    (SAME_NEXT._replace(minor_per_point=101, starts_at_us=NOTICED), True),
    (SAME_NEXT._replace(minor_per_point=NUMBER_MAX, starts_at_us=NOTICED), True),
    (SAME_NEXT._replace(minor_per_point=NUMBER_MAX + 1, starts_at_us=NOTICED), False),
    (SAME_NEXT._replace(daily_cap=499, starts_at_us=NOTICED - 1), False),
    (SAME_NEXT._replace(daily_cap=499, starts_at_us=NOTICED), True),
    (SAME_NEXT._replace(daily_cap=0, starts_at_us=NOTICED), False),
    (SAME_NEXT._replace(daily_cap=NUMBER_MAX), True),
    (SAME_NEXT._replace(daily_cap=NUMBER_MAX + 1), False),
    (SAME_NEXT._replace(expiry_months=11, starts_at_us=NOTICED - 1), False),
    (SAME_NEXT._replace(expiry_months=11, starts_at_us=NOTICED), True),
    (SAME_NEXT._replace(expiry_months=0, starts_at_us=NOTICED), False),
    (SAME_NEXT._replace(expiry_months=MONTHS_MAX), True),
    (SAME_NEXT._replace(expiry_months=MONTHS_MAX + 1), False),
    (SAME_NEXT._replace(doubled=OTHER, starts_at_us=NOTICED - 1), False),
    (SAME_NEXT._replace(doubled=OTHER, starts_at_us=NOTICED), True),
    # One thing better does not buy off another that is worse.
    (SAME_NEXT._replace(minor_per_point=1, daily_cap=499), False),
]


@pytest.mark.parametrize(("terms", "taken"), EDGES)
def test_at_each_edge_contract_and_mirror_say_the_same(terms: Terms, taken: bool):  # noqa: FBT001  # a column of the table
    assert takes(begun(), 2, terms, NOW_S) is taken
    assert may_follow(FIRST, terms, NOW_S) is taken


STARTED_LATER = FIRST._replace(starts_at_us=second(NOW_S + 2 * DAY))


@pytest.mark.parametrize(("after_us", "taken"), [(-1, False), (0, False), (1, True)])
def test_terms_begin_after_those_before_them(after_us: int, taken: bool):  # noqa: FBT001  # a column of the table
    terms = STARTED_LATER._replace(starts_at_us=STARTED_LATER.starts_at_us + after_us)
    assert takes(begun(STARTED_LATER), 2, terms, NOW_S) is taken
    assert may_follow(STARTED_LATER, terms, NOW_S) is taken


@pytest.mark.parametrize("version", [0, 1, 3, 2**64 - 1])
def test_only_the_next_version_is_taken(version: int):
    assert not takes(begun(), version, SAME_NEXT, NOW_S)


numbers = st.integers(0, 3) | st.integers(95, 105) | st.sampled_from([500, 499, 501, NUMBER_MAX, NUMBER_MAX + 1])
any_terms = st.builds(
    Terms,
    starts_at_us=st.sampled_from([0, SOON, NOTICED, LATE]).flatmap(lambda us: st.integers(max(us - 2, 0), us + 2)),
    minor_per_point=numbers,
    daily_cap=numbers,
    expiry_months=st.integers(0, 14) | st.integers(MONTHS_MAX - 1, MONTHS_MAX + 1),
    doubled=st.sampled_from([FIRST.doubled, OTHER]),
)


@settings(max_examples=FEW, deadline=None)
@given(terms=any_terms)
def test_contract_and_mirror_refuse_the_same_terms(terms: Terms):
    assert takes(begun(), 2, terms, NOW_S) is may_follow(FIRST, terms, NOW_S)


BUGS = {
    "back-dating": ("    assert starts_at_us >= block.timestamp * SECOND_US,", "    assert True or starts_at_us >= 0,"),
    "no notice": ("if self._may_hurt(before, terms):", "if False and self._may_hurt(before, terms):"),
    "notice in microseconds": ("(block.timestamp + notice_s) * SECOND_US", "block.timestamp * SECOND_US + notice_s"),
    "a lower cap is no harm": ("or terms.daily_cap < before.daily_cap", ""),
    "other categories are no harm": ("or terms.doubled != before.doubled", ""),
    "a shorter expiry is no harm": ("or terms.expiry_months < before.expiry_months", ""),
    "points for nothing": ("assert terms.minor_per_point >= 1 and", "assert"),
    "a start for ever": ("<= ahead_max_us", "<= ahead_max_us * 1000"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_shows_at_some_edge(bug: str):
    code = with_bug(*BUGS[bug])
    assert [terms for terms, taken in EDGES if takes(begun(code=code), 2, terms, NOW_S) is not taken]


class TermsLife(RuleBasedStateMachine):
    """A contract lives: time passes, terms come; it and the mirror never say different things."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = begun()
        self.now_s = BEGUN_S
        self.versions = [FIRST]
        self.announced_at_s = [BEGUN_S]

    @rule(seconds=st.integers(0, 40 * DAY))
    def time_passes(self, seconds: int) -> None:
        self.now_s += seconds

    @rule(
        ahead_s=st.integers(-1, NOTICE_S + 1) | st.sampled_from([0, NOTICE_S - 1, NOTICE_S]),
        changes=st.fixed_dictionaries(
            {},
            optional={
                "minor_per_point": st.integers(1, 200),
                "daily_cap": st.integers(1, 1_000),
                "expiry_months": st.integers(1, 36),
                "doubled": st.sampled_from([FIRST.doubled, OTHER]),
            },
        ),
    )
    def terms_are_announced(self, ahead_s: int, changes: dict[str, int]) -> None:
        terms = self.versions[-1]._replace(starts_at_us=second(self.now_s + ahead_s), **changes)
        taken = takes(self.machine, len(self.versions) + 1, terms, self.now_s)
        assert taken is may_follow(self.versions[-1], terms, self.now_s)
        if taken:
            self.versions.append(terms)
            self.announced_at_s.append(self.now_s)

    @precondition(lambda self: len(self.versions) > 1)
    @rule(data=st.data())
    def purchases_are_quoted(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(1, len(self.versions)))
        amount = st.integers(0, 10**6) | st.integers(0, 2**64 - 1)
        rows = data.draw(st.lists(st.tuples(amount, amount, st.integers(0, 1_100)), max_size=20))
        code = TermsCode(self.machine, read_terms(OURS, self.machine.call))
        assert code.quote_many(version, rows) == quote_many(self.versions[version - 1], rows)

    @invariant()
    def what_stands_there_is_what_was_announced(self) -> None:
        found = read_terms(OURS, self.machine.call)
        assert found.versions == tuple(self.versions)
        assert found.announced_at_s == tuple(self.announced_at_s)
        assert list(found.hashes) == terms_hashes(BOOK, self.versions)

    @invariant()
    def no_customer_was_hurt_without_notice(self) -> None:
        # Said once more in other words than the contract's: at no instant are terms in force that are worse than those
        # just before and were announced later than the notice demands.
        for number, (before, terms) in enumerate(pairwise(self.versions), 1):
            notice_us = terms.starts_at_us - second(self.announced_at_s[number])
            assert notice_us >= 0
            if may_hurt(before, terms):
                assert notice_us >= second(NOTICE_S)

    @invariant()
    def every_instant_has_its_version(self) -> None:
        for version, terms in enumerate(self.versions, 1):
            for instant, wanted in ((terms.starts_at_us - 1, version - 1), (terms.starts_at_us, version)):
                asked = bytes.fromhex("d30d861b") + instant.to_bytes(32, "big")
                found = int.from_bytes(self.machine.call(asked), "big")
                assert found == version_at(self.versions, instant) == wanted


TermsLife.TestCase.settings = settings(max_examples=FEW // 10, stateful_step_count=12, deadline=None)
TestTermsLife = TermsLife.TestCase
