"""Random histories on the real decisions and on the naive model must agree, step by step (PROMISES 4)."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from keyuan.ledger import Award, Expire, Request, StaleDayError
from keyuan.ledger.audit import rebuild
from keyuan.ledger.canonical import expire_key
from keyuan.ledger.model import Bucket
from keyuan.ledger.requests import BudgetMove
from unit.ledger.memory import MemoryLedger
from unit.ledger.naive import Naive
from unit.ledger.samples import (
    DAY,
    HOUR,
    T0,
    award,
    capture,
    fund,
    hold,
    key,
    redeem,
    release,
    reserve,
    spend,
    void,
)

STEPS = 40
names = st.integers(0, 60).map(lambda number: f"k{number}")
owners = st.fixed_dictionaries(
    {
        "holder": st.integers(1, 2),
        "brand": st.sampled_from(["market"] * 5 + ["bank"]),
        "currency": st.sampled_from(["points"] * 5 + ["tier"]),
    }
)
campaigns = st.fixed_dictionaries(
    {
        "campaign": st.integers(1, 2),  # the numbers of holders too, and in the same brands
        "brand": st.sampled_from(["market"] * 5 + ["bank"]),
        "currency": st.sampled_from(["USD"] * 5 + ["CNY"]),
    }
)
MOVES: dict[str, Callable[..., Request]] = {"fund": fund, "reserve": reserve, "spend": spend, "release": release}
few = st.integers(1, 20)
ends = st.sampled_from([None, HOUR, 5 * HOUR, DAY, DAY, 2 * DAY])
asks = st.one_of(
    st.tuples(st.just("award"), names, st.integers(0, 12), owners, ends, st.booleans()),
    st.tuples(st.just("redeem"), names, few, owners),
    st.tuples(st.just("hold"), names, few, owners, st.integers(1, 40)),
    st.tuples(st.just("capture"), names, st.integers(0, 60), st.integers(1, 12)),
    st.tuples(st.just("void"), names, st.integers(0, 60)),
    st.tuples(st.just("expire"), st.integers(1, 60)),
    st.tuples(st.sampled_from([*MOVES, "reserve"]), names, few, campaigns),
    st.tuples(st.just("again"), st.integers(0, 60), st.booleans()),
)


class LedgerMachine(RuleBasedStateMachine):
    """Batches of mixed requests, the clock going on between them."""

    def __init__(self) -> None:
        super().__init__()
        self.real, self.naive = MemoryLedger(), Naive()
        self.now = T0
        self.asked: list[Request] = []
        self.names = 0

    @rule(batch=st.lists(asks, min_size=1, max_size=4), hours=st.integers(0, 20))
    def post(self, batch: Sequence[tuple[Any, ...]], hours: int) -> None:
        self.now += timedelta(hours=hours)
        for ask in batch:
            self.compare([self.request(ask)])

    @rule(batch=st.lists(asks, min_size=2, max_size=4))
    def post_together(self, batch: Sequence[tuple[Any, ...]]) -> None:
        # Days are counted as requests are built, so a batch may have at most one award that counts a day.
        built = [self.request(ask) for ask in batch if ask[0] != "award" or not ask[-1]]
        self.compare(built)

    @rule()
    def run_the_expiry_job(self) -> None:
        due = [lot for lot in self.naive.lots.items() if lot[1]["end"] and lot[1]["end"] <= self.now and lot[1]["free"]]
        self.compare([self.expiry(number, lot["expired"]) for number, lot in due])

    @rule(
        owner=owners,
        parts=st.lists(st.tuples(st.integers(1, 9), ends), min_size=2, max_size=4),
        leave=st.integers(0, 3),
        first=st.integers(1, 12),
        hours=st.integers(0, 30),
    )
    def check_out(
        self, owner: dict[str, Any], parts: list[tuple[int, timedelta]], leave: int, first: int, hours: int
    ) -> None:
        """Hold several lots, capture part, let time go by, settle the rest."""
        points = max(1, sum(part for part, _end in parts) - leave)
        name = self.fresh()
        for part, end in parts:
            self.compare([self.request(("award", self.fresh(), part, owner, end, True))])
        self.compare([self.request(("hold", name, points, owner, 24))])
        self.compare([capture(self.fresh(), name, min(first, points), at=self.now)])
        self.compare([self.request(("redeem", self.fresh(), max(1, leave), owner))])
        self.now += timedelta(hours=hours)
        self.run_the_expiry_job()
        self.compare([capture(self.fresh(), name, 1, at=self.now), void(self.fresh(), name, at=self.now)])
        self.run_the_expiry_job()

    @rule(points=few, late=st.integers(-1, 1))
    def come_as_a_lot_ends(self, points: int, late: int) -> None:
        """Spend at the very instant of an expiry, or a microsecond beside it."""
        waiting = [lot for lot in self.naive.lots.values() if lot["free"] and lot["end"] and lot["end"] > self.now]
        if waiting:
            lot = min(waiting, key=lambda lot: lot["end"])
            holder, brand, currency = lot["owner"]
            self.now = max(self.now, lot["end"] + late * timedelta(microseconds=1))
            owner = {"holder": holder, "brand": brand, "currency": currency}
            self.compare([self.request(("redeem", self.fresh(), min(points, lot["free"]), owner))])

    @rule(campaign=campaigns, minor=few, over=st.integers(0, 2), spent=st.integers(0, 20))
    def launch(self, campaign: dict[str, Any], minor: int, over: int, spent: int) -> None:
        """Reserve all that is free, or a little more than that; spend part, and give the rest back."""
        self.compare([fund(self.fresh(), minor, at=self.now, **campaign)])
        free = self.naive.budgets[campaign["campaign"], campaign["brand"], campaign["currency"]]["free"]
        self.compare([reserve(self.fresh(), free + over, at=self.now, **campaign)])
        self.compare([spend(self.fresh(), max(1, spent), at=self.now, **campaign)])
        self.compare([release(self.fresh(), minor, at=self.now, **campaign)])

    @rule(points=st.integers(1, 9), off=st.sampled_from([-1, 1]))
    def claim_a_wrong_day(self, points: int, off: int) -> None:
        wrong = self.daily(award("wrong day", points + 1, at=self.now))
        wrong = replace(wrong, day_points=max(wrong.points, (wrong.day_points or 0) + off))
        if wrong.day_points == (self.daily(wrong)).day_points:
            return
        try:
            deepcopy(self.real).post([wrong])
        except StaleDayError:
            return
        raise AssertionError("a wrong day was believed")

    @invariant()
    def every_currency_is_conserved(self) -> None:
        sums: dict[tuple[str, str], int] = {}
        for account in self.real.state.accounts.values():
            book = (account.brand, account.currency)
            sums[book] = sums.get(book, 0) + account.balance
        assert not any(sums.values()), sums

    @invariant()
    def no_budget_is_overdrawn(self) -> None:
        found: dict[tuple[int, str, str], dict[str, int]] = {}
        for account in self.real.state.accounts.values():
            if account.bucket >= Bucket.BUDGET_GRANTED:
                book = account.holder, account.brand, account.currency
                sums = found.setdefault(book, {"granted": 0, "free": 0, "reserved": 0, "spent": 0})
                word = Bucket(account.bucket).name.removeprefix("BUDGET_").lower()
                sums[word] = -account.balance if word == "granted" else account.balance
        assert found == self.naive.budgets
        for sums in found.values():
            assert min(sums.values()) >= 0
            assert sums["granted"] == sums["free"] + sums["reserved"] + sums["spent"]

    @invariant()
    def points_are_conserved(self) -> None:
        accounts = self.real.state.accounts
        owned: dict[tuple[int, str, str], tuple[int, int]] = {}
        for account in accounts.values():
            if account.bucket == Bucket.AVAILABLE:
                book = account.holder, account.brand, account.currency
                held = accounts.get((Bucket.HELD, *book))
                owned[book] = account.balance, held.balance if held else 0
        assert owned == self.naive.owned()
        for bucket, word, sign in (
            (Bucket.ISSUED, "issued", -1),
            (Bucket.REDEEMED, "redeemed", 1),
            (Bucket.EXPIRED, "expired", 1),
        ):
            total = sum(account.balance for account in accounts.values() if account.bucket == bucket)
            assert total * sign == self.naive.moved[word]

    @invariant()
    def lots_agree(self) -> None:
        real = {n: (lot.remaining - lot.held, lot.held, lot.expired) for n, lot in self.real.state.lots.items()}
        assert real == {n: (lot["free"], lot["held"], lot["expired"]) for n, lot in self.naive.lots.items()}

    def teardown(self) -> None:
        assert rebuild(self.real.books()).entries == self.naive.seq

    def fresh(self) -> str:
        self.names += 1
        return f"fresh {self.names}"

    def compare(self, batch: list[Request]) -> None:
        outcomes = self.real.post(batch)
        found = [(outcome.answer, outcome.seq, outcome.points, outcome.repeated) for outcome in outcomes]
        assert found == [self.naive.answer(request) for request in batch]
        self.asked += batch

    def request(self, ask: tuple[Any, ...]) -> Request:
        match ask:
            case ("award", name, points, owner, end, counts):
                expires_at = None if end is None else self.now + end
                plain = award(name, points, at=self.now, expires_at=expires_at, **owner)
                return self.daily(plain) if counts else plain
            case ("redeem", name, points, owner):
                return redeem(name, points, at=self.now, **owner)
            case ("hold", name, points, owner, hours):
                return hold(name, points, at=self.now, expires_at=self.now + timedelta(hours=hours), **owner)
            case ("fund" | "reserve" | "spend" | "release" as move, name, minor, campaign):
                return MOVES[move](name, minor, at=self.now, **campaign)
            case _:
                return self.request_about(ask)

    def request_about(self, ask: tuple[Any, ...]) -> Request:
        match ask:
            case ("capture", name, number, points):
                return replace(capture(name, "", points, at=self.now), hold=self.some_hold(number))
            case ("void", name, number):
                return replace(void(name, "", at=self.now), hold=self.some_hold(number))
            case ("expire", number):
                return self.expiry(number, 0)
            case (_, number, changed):
                return self.again(number, changed=changed)
            case _:
                raise AssertionError(ask)

    def daily(self, plain: Award) -> Award:
        day = self.now.date()
        account = self.real.state.accounts.get((Bucket.AVAILABLE, plain.holder, plain.brand, plain.currency))
        before = 0 if account is None else self.real.state.earned(account, day)
        return replace(plain, day=day, day_points=before + plain.points)

    def expiry(self, number: int, expired: int) -> Expire:
        return Expire(key=expire_key(1, number, expired), lot=number, expired=expired, at=self.now)

    def some_hold(self, number: int) -> bytes:
        holds = list(self.naive.holds)
        return holds[number % len(holds)] if holds else key(f"k{number}")

    def again(self, number: int, *, changed: bool) -> Request:
        if not self.asked:
            return redeem("nobody", 1, at=self.now)
        request = self.asked[number % len(self.asked)]
        if changed and isinstance(request, Award):
            return replace(request, base_minor=request.base_minor + 1)
        if changed and isinstance(request, BudgetMove):
            return replace(request, minor=request.minor + 1)
        return replace(request, at=self.now, expires_at=None) if isinstance(request, Award) else request


def run(examples: int, phases: Sequence[Phase] = (Phase.generate, Phase.shrink), steps: int = STEPS) -> None:
    options = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    run_state_machine_as_test(LedgerMachine, settings=options)


def test_random_histories_agree_with_the_naive_ledger():
    run(30)


@pytest.mark.long
def test_twenty_thousand_steps_agree_with_the_naive_ledger():
    run(500)
