"""Samples as moments, and the same statistics in plain numpy: written apart, so that two ways can be compared."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from keyuan.experiments.analysis import Analysis, analyse
from keyuan.experiments.model import Design, Metric, Moments, Observed

Array = Any


def moments(values: Array, before: Array | None = None) -> Moments:
    """Return the moments of a sample without missing values."""
    values = np.asarray(values, dtype=np.float64)
    if before is None:
        return Moments(count=len(values), mean=float(values.mean()), var=float(values.var(ddof=1)))
    matrix = np.cov(values, before)
    return Moments(
        count=len(values),
        mean=float(values.mean()),
        var=float(matrix[0, 0]),
        covariate_mean=float(np.mean(before)),
        covariate_var=float(matrix[1, 1]),
        cov=float(matrix[0, 1]),
    )


def analysed(
    arms: Mapping[str, Array],
    before: Mapping[str, Array] | None = None,
    *,
    shares: Mapping[str, float] | None = None,
) -> Analysis:
    """Return the analysis of one metric; the first arm is the control."""
    metric = Metric(column="m", covariate=None if before is None else "x")
    design = Design(arm="arm", control=next(iter(arms)), metrics=(metric,), shares=shares)
    found = {arm: moments(values, None if before is None else before[arm]) for arm, values in arms.items()}
    people = {arm: each.count for arm, each in found.items()}
    return analyse(design, Observed(people=people, moments={"m": found}))


def welch(control: Array, treated: Array) -> tuple[float, tuple[float, float], float]:
    """Return difference, 95 % interval and two-sided p of two samples, from Welch's formulas."""
    a, b = (np.asarray(each, dtype=np.float64) for each in (control, treated))
    errors = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    spread = sum(errors) ** 0.5
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / (len(a) - 1) + errors[1] ** 2 / (len(b) - 1))
    difference = float(b.mean() - a.mean())
    half = float(special.stdtrit(freedom, 0.975)) * spread
    p = 2 * float(special.stdtr(freedom, -abs(difference) / spread))
    return difference, (difference - half, difference + half), p


def without_covariate(values: Array, before: Array) -> Array:
    """Return values less what a covariate tells of them, the mean kept (CUPED)."""
    values, before = np.asarray(values, dtype=np.float64), np.asarray(before, dtype=np.float64)
    centred = before - before.mean()
    slope = float(centred @ (values - values.mean())) / float(centred @ centred)
    return values - slope * centred
