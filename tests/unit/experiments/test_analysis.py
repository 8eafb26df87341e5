"""The arithmetic of a comparison, against published figures and against the same in plain numpy."""

import numpy as np
import pytest
import tea_tasting

from keyuan.experiments.analysis import analyse, sample_ratio_p
from keyuan.experiments.model import Design, DesignError, Metric, Moments, Observed
from unit.experiments.samples import analysed, moments, welch, without_covariate

# "Student" (1908): extra hours of sleep under two drugs; R's documentation of `sleep` and `t.test` prints the result.
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_welch_gives_the_published_figures_of_students_sleep_data():
    seen = analysed({"1": DRUG_1, "2": DRUG_2}).comparisons[0]
    assert seen.means == pytest.approx((0.75, 2.33), abs=1e-12)
    assert seen.difference == pytest.approx(1.58, abs=1e-12)
    assert seen.interval == pytest.approx((-0.2054832, 3.3654832), abs=5e-8)
    assert seen.p == pytest.approx(0.07939, abs=5e-6)


@pytest.mark.parametrize(
    ("column", "covariate", "means", "p"),
    [  # the tables in tea-tasting's documentation of `Mean`
        ("orders", None, (0.530, 0.573), 0.118),
        ("revenue", None, (5.24, 5.73), 0.123),
        ("orders", "orders_covariate", (0.523, 0.581), 0.00733),
        ("revenue", "revenue_covariate", (5.12, 5.85), 0.00674),
    ],
)
def test_cuped_gives_the_figures_that_tea_tasting_publishes(
    column: str, covariate: str | None, means: tuple[float, float], p: float
):
    data = tea_tasting.make_users_data(rng=42, covariates=covariate is not None).to_pydict()
    arm = np.array(data["variant"])
    arms = {str(each): np.array(data[column])[arm == each] for each in (0, 1)}
    before = None
    if covariate is not None:
        before = {str(each): np.array(data[covariate])[arm == each] for each in (0, 1)}
    seen = analysed(arms, before).comparisons[0]
    assert seen.means == pytest.approx(means, rel=2e-3)
    assert seen.p == pytest.approx(p, rel=3e-3)


@pytest.mark.parametrize("seed", range(8))
def test_a_comparison_is_the_same_in_plain_numpy(seed: int):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2 + 40 * (seed % 2), 400, 2)
    before = [rng.gamma(1.5, 3, size) for size in sizes]
    values = [each * rng.normal(0.8, 0.2) + rng.normal(seed, 1 + seed, len(each)) for each in before]
    seen = analysed(dict(zip("ab", values, strict=True)), dict(zip("ab", before, strict=True))).comparisons[0]
    adjusted = without_covariate(np.concatenate(values), np.concatenate(before))
    difference, interval, p = welch(adjusted[: sizes[0]], adjusted[sizes[0] :])
    assert seen.difference == pytest.approx(difference, rel=1e-9)
    assert seen.interval == pytest.approx(interval, rel=1e-9)
    assert seen.p == pytest.approx(p, rel=1e-8)
    plain = analysed(dict(zip("ab", values, strict=True))).comparisons[0]
    assert (plain.difference, plain.interval, plain.p) == (
        pytest.approx(welch(*values)[0]),
        pytest.approx(welch(*values)[1]),
        pytest.approx(welch(*values)[2]),
    )


@pytest.mark.parametrize(
    ("people", "p"),
    [  # Wikipedia, "Sample ratio mismatch"; Kohavi, Tang, Xu 2020, chapter 3; 44,000 to 45,000: about 0.0008
        ((600, 400), 2.54e-10),
        ((821_588, 815_482), 1.8e-6),
        ((44_000, 45_000), 0.0008),
    ],
)
def test_the_sample_ratio_has_its_published_p(people: tuple[int, int], p: float):
    shares = {"control": 0.5, "treated": 0.5}
    assert sample_ratio_p(dict(zip(shares, people, strict=True)), shares) == pytest.approx(p, rel=0.03)


def test_the_sample_ratio_asks_for_the_shares_that_were_given():
    people = {"held": 200, "treated": 800}
    assert sample_ratio_p(people, {"held": 0.2, "treated": 0.8}) == 1
    assert sample_ratio_p(people, {"held": 0.5, "treated": 0.5}) < 1e-60


def test_equal_shares_are_asked_for_where_none_are_given():
    rng = np.random.default_rng(1)
    found = analysed({arm: rng.normal(size=50) for arm in "abc"})
    assert found.shares == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert found.srm_p == 1


def test_several_arms_share_the_error_of_one_comparison():
    rng = np.random.default_rng(3)
    arms = {arm: rng.normal(effect, 1, 200) for arm, effect in (("c", 0.0), ("a", 0.2), ("b", 0.0))}
    together = analysed(arms)
    assert together.level == pytest.approx(0.975)
    for arm in "ab":
        alone = analysed({"c": arms["c"], arm: arms[arm]}).comparisons[0]
        seen = next(each for each in together.comparisons if each.arm == arm)
        assert seen.difference == pytest.approx(alone.difference)
        assert alone.p is not None
        assert seen.p is not None
        assert seen.p == pytest.approx(min(1, 2 * alone.p))
        assert seen.interval[1] - seen.interval[0] > 1.1 * (alone.interval[1] - alone.interval[0])
        assert (seen.p < 0.05) == (seen.interval[0] > 0 or seen.interval[1] < 0)


@pytest.mark.parametrize("offset", [0.0, 1e-6, -5.0, 1e9])
def test_means_at_or_around_zero_do_not_disturb_a_difference(offset: float):
    control, treated = np.array([-1.0, 1.0, -2.0, 2.0]) + offset, np.array([-1.0, 1.0, -3.0, 3.0]) + offset
    seen = analysed({"a": control, "b": treated}).comparisons[0]
    assert seen.difference == pytest.approx(0, abs=1e-6)
    assert seen.interval == pytest.approx(welch(control, treated)[1], rel=1e-6)
    assert seen.means == pytest.approx((offset, offset), abs=1e-5)


def test_where_nothing_varies_there_is_no_interval():
    for control, treated in (([0.0] * 50, [0.0] * 50), ([0.0] * 50, [1.0] * 50)):
        seen = analysed({"a": control, "b": treated}).comparisons[0]
        assert (seen.difference, seen.interval, seen.p) == (treated[0] - control[0], None, None)


def test_an_arm_of_one_or_nobody_has_no_interval():
    design = Design(arm="arm", control="a", metrics=(Metric(column="m"),), shares={"a": 0.5, "b": 0.5})
    for few in (Moments(count=0), Moments(count=1, mean=3.0)):
        seen = Observed(people={"a": 40, "b": few.count}, moments={"m": {"a": moments(range(40)), "b": few}})
        found = analyse(design, seen).comparisons[0]
        assert (found.interval, found.p) == (None, None)


def test_a_covariate_that_is_the_same_for_everybody_changes_nothing():
    rng = np.random.default_rng(5)
    arms = {arm: rng.normal(size=60) for arm in "ab"}
    plain = analysed(arms).comparisons[0]
    seen = analysed(arms, {arm: np.ones(60) for arm in "ab"}).comparisons[0]
    assert (seen.interval, seen.p, seen.variance_left, seen.covariate_p) == (plain.interval, plain.p, 1.0, None)


def test_a_covariate_that_tells_the_metric_exactly_is_refused():
    rng = np.random.default_rng(6)
    before = {arm: rng.normal(size=60) for arm in "ab"}
    for arms in (
        {arm: 3 * each + 1 for arm, each in before.items()},
        {"a": 3 * before["a"], "b": 3 * before["b"] + 1e-9 * rng.normal(size=60)},
    ):
        with pytest.raises(DesignError, match=r"'x' tells 'm' exactly.*from before"):
            analysed(arms, before)


def test_the_covariate_leaves_one_minus_the_square_of_the_correlation():
    rng = np.random.default_rng(7)
    before = {arm: rng.normal(size=500) for arm in "ab"}
    arms = {arm: each + rng.normal(size=500) for arm, each in before.items()}
    seen = analysed(arms, before).comparisons[0]
    correlation = np.corrcoef(np.concatenate([*arms.values()]), np.concatenate([*before.values()]))[0, 1]
    assert seen.variance_left == pytest.approx(1 - correlation**2)
