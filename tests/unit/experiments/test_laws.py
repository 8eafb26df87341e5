"""Laws of the statistics: errors as often as promised and no more, and what cannot matter does not."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyuan.experiments.analysis import analyse, sample_ratio_p
from keyuan.experiments.model import Design, Metric, Observed
from keyuan.experiments.verdict import Kind, verdicts
from unit.experiments.samples import analysed, moments, welch

TESTS, TESTS_LONG = 600, 10_000
SEEDS = st.integers(0, 2**32 - 1)


def band(share: float, tests: int = TESTS) -> tuple[float, float]:
    """Return between which shares of tests an honest one stays, but for 1 of 15,000 runs."""
    spread = 4 * math.sqrt(share * (1 - share) / tests)
    return share - spread, share + spread


@cache
def simulated(effect: float, *, covariate: bool, tests: int = TESTS) -> list[tuple[Any, Any]]:
    """Return many analyses of skewed figures, a fifth of 600 people held out, with their true effect."""
    rng = np.random.default_rng(2_017 + covariate)
    design = Design(
        arm="arm",
        control="c",
        metrics=(Metric(column="m", covariate="x" if covariate else None),),
        shares={"c": 0.2, "t": 0.8},
    )
    found: list[tuple[Any, Any]] = []
    for _ in range(tests):
        treated = rng.random(600) < 0.8
        before = rng.gamma(2, 2, 600)
        values = 0.8 * before + rng.gamma(2, 1, 600) + effect * treated
        arms = {"c": ~treated, "t": treated}
        each = {arm: moments(values[here], before[here] if covariate else None) for arm, here in arms.items()}
        seen = Observed(people={arm: int(here.sum()) for arm, here in arms.items()}, moments={"m": each})
        analysis = analyse(design, seen)
        found.append((analysis, verdicts(design, analysis)[0].kind))
    return found


@pytest.mark.parametrize("covariate", [False, True])
def test_an_a_a_test_gives_a_false_alarm_in_1_of_20(*, covariate: bool):
    alarms = sum(1 for analysis, _ in simulated(0.0, covariate=covariate) if analysis.comparisons[0].p < 0.05)
    low, high = band(0.05)
    assert low < alarms / TESTS < high
    kinds = [kind for _, kind in simulated(0.0, covariate=covariate)]
    assert (kinds.count(Kind.WORKS) + kinds.count(Kind.HARMFUL)) / TESTS < high
    assert kinds.count(Kind.LIKELY_WORKS) / TESTS < band(0.025)[1]


@pytest.mark.long
@pytest.mark.parametrize("covariate", [False, True])
def test_the_false_alarms_of_10_000_a_a_tests_are_1_of_20_within_a_hundredth(*, covariate: bool):
    found = simulated(0.0, covariate=covariate, tests=TESTS_LONG)
    for level in (0.01, 0.05, 0.1):
        low, high = band(level, TESTS_LONG)
        assert high - low < 0.025
        assert low < sum(1 for analysis, _ in found if analysis.comparisons[0].p < level) / TESTS_LONG < high


@pytest.mark.parametrize("covariate", [False, True])
@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_19_of_20_intervals_hold_the_true_effect(effect: float, *, covariate: bool):
    intervals = [analysis.comparisons[0].interval for analysis, _ in simulated(effect, covariate=covariate)]
    held = sum(1 for low, high in intervals if low < effect < high)
    low, high = band(0.95)
    assert low < held / TESTS < high


def test_p_is_spread_evenly_where_there_is_no_effect():
    found = sorted(analysis.comparisons[0].p for analysis, _ in simulated(0.0, covariate=True))
    steps = max(abs(p - (number + 0.5) / TESTS) for number, p in enumerate(found))
    assert steps < 1.95 / math.sqrt(TESTS)  # Kolmogorov and Smirnov, 1 of 1,000


def test_a_covariate_narrows_the_interval_as_its_correlation_says():
    def width(*, covariate: bool) -> float:
        intervals = [analysis.comparisons[0].interval for analysis, _ in simulated(0.0, covariate=covariate)]
        return float(np.mean([high - low for low, high in intervals]))

    left = np.mean([analysis.comparisons[0].variance_left for analysis, _ in simulated(0.0, covariate=True)])
    assert left == pytest.approx(2 / (2 + 0.64 * 8), abs=0.02)
    assert width(covariate=True) / width(covariate=False) == pytest.approx(math.sqrt(left), rel=0.03)


def test_an_effect_is_found_more_often_with_a_covariate():
    def found(*, covariate: bool) -> float:
        return [kind for _, kind in simulated(0.7, covariate=covariate)].count(Kind.WORKS) / TESTS

    assert found(covariate=True) > found(covariate=False) + 0.2
    assert found(covariate=True) > 0.95


def test_the_checks_hardly_ever_withhold_an_honest_verdict():
    for covariate in (False, True):
        kinds = [kind for _, kind in simulated(0.0, covariate=covariate)]
        assert kinds.count(Kind.NO_VERDICT) <= 6  # 2 checks, each 1 of 1,000


def test_a_lost_tenth_of_an_arm_of_10_000_is_found_and_chance_is_not():
    rng = np.random.default_rng(11)
    shares = {"a": 0.5, "b": 0.5}
    honest = lost = 0
    for _ in range(TESTS):
        people = int(rng.binomial(20_000, 0.5))
        honest += sample_ratio_p({"a": people, "b": 20_000 - people}, shares) < 0.001
        lost += sample_ratio_p({"a": people, "b": int(rng.binomial(20_000 - people, 0.9))}, shares) < 0.001
    assert honest <= 5
    assert lost > 0.99 * TESTS


def test_the_sample_ratio_is_off_by_chance_as_often_as_its_p_says():
    rng = np.random.default_rng(12)
    shares = {"a": 0.2, "b": 0.3, "c": 0.5}
    drawn = rng.multinomial(5_000, [*shares.values()], TESTS)
    off = sum(sample_ratio_p(dict(zip(shares, map(int, each), strict=True)), shares) < 0.05 for each in drawn)
    assert band(0.05)[0] < off / TESTS < band(0.05)[1]


def drawn(seed: int) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(5, 60, 2)
    before = [rng.gamma(1.0, 2.0, size) for size in sizes]
    values = [rng.normal(0, 1, len(each)) + each * rng.normal() for each in before]
    return *values, *before


def both(control: Any, treated: Any, before: Any = None, after: Any = None) -> Any:
    covariates = None if before is None else {"a": before, "b": after}
    return analysed({"a": control, "b": treated}, covariates).comparisons[0]


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, covariate=st.booleans())
def test_arms_swapped_swap_the_sign_and_nothing_else(seed: int, *, covariate: bool):
    one, two, first, second = drawn(seed)
    there = both(one, two, *((first, second) if covariate else ()))
    back = both(two, one, *((second, first) if covariate else ()))
    assert back.difference == pytest.approx(-there.difference, abs=1e-9)
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]), abs=1e-9)
    assert back.p == pytest.approx(there.p, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(0.001, 1_000), st.floats(-100, 100))
def test_cents_or_dollars_and_from_where_one_counts_do_not_matter(seed: int, scale: float, shift: float):
    one, two, first, second = drawn(seed)
    seen = both(one, two, first, second)
    other = both(one * scale + shift, two * scale + shift, first * 7 - 3, second * 7 - 3)
    assert other.difference == pytest.approx(scale * seen.difference, rel=1e-6, abs=1e-7 * scale)
    assert other.interval == pytest.approx(tuple(scale * end for end in seen.interval), rel=1e-6, abs=1e-7 * scale)
    assert other.p == pytest.approx(seen.p, rel=1e-5, abs=1e-9)
    mirrored = both(-one, -two, first, second)
    assert mirrored.difference == pytest.approx(-seen.difference, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(-10, 10))
def test_an_effect_added_to_everybody_treated_moves_the_difference_by_as_much(seed: int, effect: float):
    one, two, _, _ = drawn(seed)
    before, after = both(one, two), both(one, two + effect)
    assert after.difference - before.difference == pytest.approx(effect, abs=1e-9)
    assert after.interval[1] - after.interval[0] == pytest.approx(before.interval[1] - before.interval[0], rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_an_interval_leaves_out_zero_just_where_p_is_below_1_of_20(seed: int):
    one, two, first, second = drawn(seed)
    seen = both(one, two, first, second)
    assert (seen.p < 0.05) == (seen.interval[0] > 0 or seen.interval[1] < 0)
    assert seen.interval[0] < seen.difference < seen.interval[1]
    assert both(one, two).interval == pytest.approx(welch(one, two)[1], rel=1e-8)
