"""Planted bugs: each breaks one guard of the ledger, in the test only; the random histories must turn red."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import Phase
from msgspec.structs import replace

from keyuan.kernel.errors import KeyuanError
from keyuan.ledger import Award, Entry, Fund, Outcome, Release, Request, Reserve
from keyuan.ledger import awards as awards_module
from keyuan.ledger import decide as decide_module
from keyuan.ledger import model as model_module
from keyuan.ledger.decide import Desk, _Refusal
from keyuan.ledger.decisions import Decisions, find_known
from keyuan.ledger.model import Answer, Bucket, Kind
from keyuan.ledger.requests import BudgetMove
from keyuan.ledger.state import Account, AccountKey, Held, KeyRow, Lot, State
from property.test_ledger_model import run

Queue = Sequence[Lot]
Takes = list[tuple[Lot, int]]

Patch = pytest.MonkeyPatch
_original_post = Desk._post
_original_answer = Desk.answer
_original_hold = Desk._hold


def spends_what_is_due(patch: Patch) -> None:
    take = decide_module.take_first_to_expire

    def spendable(queue: Queue, _at_us: int) -> int:
        return sum(lot.free for lot in queue)

    def take_due_too(queue: Queue, points: int, _at_us: int) -> Takes:
        return take(queue, points, 0)

    patch.setattr(decide_module, "spendable", spendable)
    patch.setattr(decide_module, "take_first_to_expire", take_due_too)


def spends_at_the_very_instant_of_expiry(patch: Patch) -> None:
    spendable, take = decide_module.spendable, decide_module.take_first_to_expire

    def spendable_a_moment_ago(queue: Queue, at_us: int) -> int:
        return spendable(queue, at_us - 1)

    def take_a_moment_ago(queue: Queue, points: int, at_us: int) -> Takes:
        return take(queue, points, at_us - 1)

    patch.setattr(decide_module, "spendable", spendable_a_moment_ago)
    patch.setattr(decide_module, "take_first_to_expire", take_a_moment_ago)


def spends_the_last_to_expire_first(patch: Patch) -> None:
    take = decide_module.take_first_to_expire

    def take_last(queue: Queue, points: int, at_us: int) -> Takes:
        return take(queue[::-1], points, at_us)

    patch.setattr(decide_module, "take_first_to_expire", take_last)


def spends_the_oldest_lot_first(patch: Patch) -> None:
    def older(self: Lot, other: Lot) -> bool:
        return self.lot < other.lot

    patch.setattr(Lot, "__lt__", older)


def spends_what_is_on_hold(patch: Patch) -> None:
    def spendable(queue: Queue, at_us: int) -> int:
        return sum(lot.remaining for lot in queue if lot.expires_us > at_us)

    patch.setattr(decide_module, "spendable", spendable)


def spends_one_more_than_there_is(patch: Patch) -> None:
    original = decide_module.spendable

    def spendable(queue: Queue, at_us: int) -> int:
        return original(queue, at_us) + 1

    patch.setattr(decide_module, "spendable", spendable)


def forgets_keys(patch: Patch) -> None:
    def answer(self: Desk, request: Request) -> None:
        self.state.keys.pop(request.key, None)
        _original_answer(self, request)

    patch.setattr(Desk, "answer", answer)


def forgets_refused_keys(patch: Patch) -> None:
    def answer(self: Desk, request: Request) -> None:
        _original_answer(self, request)
        known = self.state.keys.get(request.key)
        if known is not None and known.answer >= Answer.TOO_FEW_POINTS:
            del self.state.keys[request.key]

    patch.setattr(Desk, "answer", answer)


def burns_the_key_of_an_early_expiry(patch: Patch) -> None:
    patch.setattr(decide_module, "_NOT_DUE", _Refusal(Answer.NOTHING))


def _find_always(known: KeyRow, _digest: bytes, key: bytes) -> Outcome:
    return find_known(known, known.digest, key)


def sees_no_conflict(patch: Patch) -> None:
    patch.setattr(decide_module, "find_known", _find_always)


def makes_a_point_from_nothing(patch: Patch) -> None:
    def post(self: Desk, entry: Entry, source: Account, target: Account) -> int:
        target.balance += 1
        return _original_post(self, entry, source, target)

    patch.setattr(Desk, "_post", post)


def mixes_currencies(patch: Patch) -> None:
    original = State.account

    def account(self: State, name: AccountKey) -> Account:
        return original(self, (*name[:3], "points"))

    patch.setattr(State, "account", account)


def captures_a_hold_twice(patch: Patch) -> None:
    def settle(_self: Desk, _held: Held, _points: int) -> None:
        """Leave the hold as it was."""

    patch.setattr(Desk, "_settle", settle)


def captures_from_the_wrong_lot(patch: Patch) -> None:
    take = decide_module.take_from_hold

    def from_the_end(held: Held, points: int) -> Takes:
        return take(replace(held, takes=held.takes[::-1]), points)

    patch.setattr(decide_module, "take_from_hold", from_the_end)


def holds_have_no_end(patch: Patch) -> None:
    def hold_for_ever(self: Desk, request: Any) -> Any:
        result = _original_hold(self, request)
        for held in self.state.holds.values():
            held.expires_us = 2**62
        return result

    patch.setattr(Desk, "_hold", hold_for_ever)


def expires_what_is_on_hold(patch: Patch) -> None:
    def remaining(self: Lot) -> int:
        return self.remaining

    patch.setattr(Lot, "free", property(remaining))


def believes_any_day(patch: Patch) -> None:
    def count_nothing(_state: State, _account: Account, _request: Award) -> None:
        """Check nothing."""

    patch.setattr(awards_module, "_count_day", count_nothing)


def awards_a_key_again(patch: Patch) -> None:
    original = decide_module.award_all

    def award_all(state: State, decisions: Decisions, requests: Iterable[Award]) -> None:
        for request in requests:
            state.keys.pop(request.key, None)
            original(state, decisions, [request])

    patch.setattr(decide_module, "award_all", award_all)


def awards_see_no_conflict(patch: Patch) -> None:
    patch.setattr(awards_module, "find_known", _find_always)


def awards_a_point_from_nothing(patch: Patch) -> None:
    original = awards_module._award

    def award(state: State, decisions: Decisions, request: Award, issued: Account) -> int:
        seq = original(state, decisions, request, issued)
        state.by_id[decisions.entries[-1].target].balance += 1
        return seq

    patch.setattr(awards_module, "_award", award)


def spends_a_cent_more_than_is_granted(patch: Patch) -> None:
    original = decide_module.budget_legs

    def generous(state: State, request: BudgetMove) -> tuple[Account, Account] | Answer:
        return original(state, replace(request, minor=max(1, request.minor - 1)))

    patch.setattr(decide_module, "budget_legs", generous)


def refuses_the_last_cent(patch: Patch) -> None:
    original = decide_module.budget_legs

    def mean(state: State, request: BudgetMove) -> tuple[Account, Account] | Answer:
        return original(state, request if isinstance(request, Fund) else replace(request, minor=request.minor + 1))

    patch.setattr(decide_module, "budget_legs", mean)


def spends_what_is_not_reserved(patch: Patch) -> None:
    patch.setitem(model_module.LEGS, Kind.SPEND, (Bucket.BUDGET_FREE, Bucket.BUDGET_SPENT))


def releases_to_another_campaign(patch: Patch) -> None:
    original = decide_module.budget_legs

    def mixed(state: State, request: BudgetMove) -> tuple[Account, Account] | Answer:
        legs = original(state, request)
        if isinstance(legs, Answer) or not isinstance(request, Release):
            return legs
        return legs[0], state.account((Bucket.BUDGET_FREE, 3 - request.campaign, request.brand, request.currency))

    patch.setattr(decide_module, "budget_legs", mixed)


def keeps_what_a_refused_reserve_asked_for(patch: Patch) -> None:
    original = decide_module.budget_legs

    def greedy(state: State, request: BudgetMove) -> tuple[Account, Account] | Answer:
        legs = original(state, request)
        free = state.accounts.get((Bucket.BUDGET_FREE, request.campaign, request.brand, request.currency))
        if legs is Answer.OVER_BUDGET and isinstance(request, Reserve) and free is not None:
            free.balance = 0
        return legs

    patch.setattr(decide_module, "budget_legs", greedy)


BUGS = [
    spends_what_is_due,
    spends_at_the_very_instant_of_expiry,
    spends_the_last_to_expire_first,
    spends_the_oldest_lot_first,
    spends_what_is_on_hold,
    spends_one_more_than_there_is,
    forgets_keys,
    forgets_refused_keys,
    burns_the_key_of_an_early_expiry,
    sees_no_conflict,
    makes_a_point_from_nothing,
    mixes_currencies,
    captures_a_hold_twice,
    captures_from_the_wrong_lot,
    holds_have_no_end,
    expires_what_is_on_hold,
    believes_any_day,
    awards_a_key_again,
    awards_see_no_conflict,
    awards_a_point_from_nothing,
    spends_a_cent_more_than_is_granted,
    refuses_the_last_cent,
    spends_what_is_not_reserved,
    releases_to_another_campaign,
    keeps_what_a_refused_reserve_asked_for,
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(bug: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch):
    bug(monkeypatch)
    with pytest.raises((AssertionError, KeyuanError, KeyError)):
        run(100, phases=(Phase.generate,))
