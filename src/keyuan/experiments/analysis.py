"""What the arms say, from moments alone: differences with intervals, and whether they may be believed at all.

A difference is treated − control of the means per person, adjusted by the covariate if there is one (CUPED), with
Welch's interval and p. With several treated arms each is held against the control, and intervals and p are those of
Bonferroni: together they are wrong in at most 1 of 20 experiments. tea-tasting does the arithmetic of a comparison.
Three checks guard the figures: the sample ratio, the covariate (which no treatment can have moved), and the missing
values. Not here: any engine (`fetch`) and any words (`verdict`).
Source: Welch 1947; Deng, Xu, Kohavi, Walker 2013 (CUPED); Fabijan et al. 2019 (sample ratio); Dunn 1961.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from keyuan.experiments.model import CovariateTellsAllError, Design, Metric, Moments, Observed

# Neither has type stubs: what they give becomes plain floats here.
_metrics: Any = import_module("tea_tasting.metrics")
_aggr: Any = import_module("tea_tasting.aggr")
_stats: Any = import_module("scipy.stats")

ALPHA = 0.05
VALUES_MIN = 2
EXPLAINED_MAX = 1 - 1e-10
PEOPLE_PER_SKEWNESS = 355
_VALUE, _BEFORE = "value", "before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric in one treated arm against the control.

    `interval` and `p` are None where nothing varies inside the arms, or fewer than two values are known. Means are
    adjusted by the covariate; `variance_left` is the share of the variance that the covariate does not explain.
    `covariate_p` and `missing_p` are small when the arms differed before, or miss values unequally. `people_wanted` is
    how many an arm should have, so skewed as its values are, for its mean to be nearly normal (355 times the square of
    the skewness: Kohavi, Deng, Longbotham, Xu 2014, rule 7); with fewer the level of the interval is not certain.
    """

    metric: str
    arm: str
    known: tuple[int, int]
    means: tuple[float, float]
    difference: float
    interval: tuple[float, float] | None
    p: float | None
    variance_left: float = 1.0
    covariate_p: float | None = None
    missing_p: float | None = None
    people_wanted: int = 0

    @property
    def too_skewed(self) -> bool:
        """Tell whether an arm has fewer people than its skewed values want."""
        return min(self.known) < self.people_wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All comparisons, metrics and arms in order; `level` is that of each interval, `srm_p` of the sample ratio."""

    people: Mapping[str, int]
    shares: Mapping[str, float]
    srm_p: float
    level: float
    comparisons: tuple[Comparison, ...]

    def of(self, metric: str) -> tuple[Comparison, ...]:
        """Return the comparisons of one metric."""
        return tuple(each for each in self.comparisons if each.metric == metric)


def analyse(design: Design, observed: Observed) -> Analysis:
    """Return what the arms say.

    Raises:
        CovariateTellsAllError: a covariate tells the metric exactly, so it cannot be from before.
    """
    control, *treated = observed.people
    shares = _shares(design, observed)
    comparisons = tuple(
        _compared(
            metric, arm, (observed.moments[metric.column][control], observed.moments[metric.column][arm]), observed
        )
        for metric in design.metrics
        for arm in treated
    )
    return Analysis(
        people=observed.people,
        shares=shares,
        srm_p=sample_ratio_p(observed.people, shares),
        level=1 - ALPHA / len(treated),
        comparisons=comparisons,
    )


def sample_ratio_p(people: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """Return how probable it is that arms of these shares differ from them by as much, by Pearson's chi-square."""
    total = sum(people.values())
    expected = [total * shares[arm] for arm in people]
    return float(_stats.chisquare(list(people.values()), expected).pvalue)


def _shares(design: Design, observed: Observed) -> dict[str, float]:
    given = design.shares or dict.fromkeys(observed.people, 1.0)
    total = math.fsum(given.values())
    return {arm: given[arm] / total for arm in observed.people}


def _compared(metric: Metric, arm: str, pair: tuple[Moments, Moments], observed: Observed) -> Comparison:
    control, treated = pair
    people = observed.people
    arms = len(people) - 1
    known = control.count, treated.count
    told = Comparison(
        metric=metric.column,
        arm=arm,
        known=known,
        means=(control.mean, treated.mean),
        difference=treated.mean - control.mean,
        interval=None,
        p=None,
        missing_p=_missing_p(known, (next(iter(people.values())), people[arm])),
        people_wanted=math.ceil(PEOPLE_PER_SKEWNESS * max(control.skewness**2, treated.skewness**2)),
    )
    if min(known) < VALUES_MIN or control.var + treated.var <= 0:
        return told
    covariate_varies = metric.covariate is not None and control.covariate_var + treated.covariate_var > 0
    left = _variance_left(metric, control, treated) if covariate_varies else 1.0
    result, shift = _tested(control, treated, covariate=covariate_varies, level=1 - ALPHA / arms)
    return replace(
        told,
        means=(float(result.control) - shift, float(result.treatment) - shift),
        difference=float(result.effect_size),
        interval=(float(result.effect_size_ci_lower), float(result.effect_size_ci_upper)),
        p=min(1.0, arms * float(result.pvalue)),
        variance_left=left,
        covariate_p=_covariate_p(control, treated) if covariate_varies else None,
    )


def _tested(control: Moments, treated: Moments, *, covariate: bool, level: float) -> tuple[Any, float]:
    """Return tea-tasting's result, and by how much the means in it are shifted.

    It also divides by the means, which may be zero; differences do not care, so both means are moved away from it.
    """
    shift = 10 * math.sqrt(max(control.var, treated.var)) - min(control.mean, treated.mean)
    metric = _metrics.Mean(
        _VALUE,
        _BEFORE if covariate else None,
        alternative="two-sided",
        confidence_level=level,
        equal_var=False,
        use_t=True,
    )
    return metric.analyze_aggregates(_aggregates(control, shift), _aggregates(treated, shift)), shift


def _aggregates(moments: Moments, shift: float) -> Any:
    return _aggr.Aggregates(
        count_=moments.count,
        mean_={_VALUE: moments.mean + shift, _BEFORE: moments.covariate_mean},
        var_={_VALUE: moments.var, _BEFORE: moments.covariate_var},
        cov_={(_BEFORE, _VALUE): moments.cov},
    )


def _variance_left(metric: Metric, control: Moments, treated: Moments) -> float:
    """Return the share of the metric's variance that the covariate leaves, both arms together."""
    total = _aggregates(control, 0.0) + _aggregates(treated, 0.0)
    var, before, cov = float(total.var(_VALUE)), float(total.var(_BEFORE)), float(total.cov(_VALUE, _BEFORE))
    explained = cov * cov / (var * before) if var > 0 and before > 0 else 0.0
    theta = cov / before if before > 0 else 0.0
    for arm in (control, treated):
        adjusted = arm.var + theta * theta * arm.covariate_var - 2 * theta * arm.cov
        if explained > EXPLAINED_MAX or adjusted < (1 - EXPLAINED_MAX) * arm.var:
            raise CovariateTellsAllError(metric.column, metric.covariate)
    return 1 - explained


def _covariate_p(control: Moments, treated: Moments) -> float:
    before = [Moments(count=arm.count, mean=arm.covariate_mean, var=arm.covariate_var) for arm in (control, treated)]
    result, _ = _tested(before[0], before[1], covariate=False, level=1 - ALPHA)
    return float(result.pvalue)


def _missing_p(known: tuple[int, int], people: tuple[int, int]) -> float | None:
    """Return how probable it is that arms which lose values equally differ so; None if nothing is missing."""
    missing = [people[0] - known[0], people[1] - known[1]]
    if not sum(missing) or not sum(known):
        return None
    return float(_stats.chi2_contingency([missing, list(known)], correction=False).pvalue) if all(people) else None
