"""What an experiment of a given size can see, said before it begins.

Not here: what it saw (`analysis`). A covariate narrows intervals further, by as much as it explains; that is not known
before, so it is left out, and the figure is on the careful side.
Source: the two-sample normal approximation, (z(1 − α/2) + z(power)) · √(σ²/n₁ + σ²/n₂), e.g. Kohavi, Tang, Xu 2020,
chapter 17. Units: those of the metric.
"""

import math
from statistics import NormalDist
from typing import Final

from keyuan.kernel.errors import InputError

ALPHA: Final = 0.05
POWER: Final = 0.8


def smallest_effect(
    variance: float, control: int, treated: int, *, power: float = POWER, alpha: float = ALPHA
) -> float:
    """Return the smallest true difference of means that is found with a probability of `power`.

    Raises:
        InputError: an arm holds nobody, or the variance is negative.
    """
    if control < 1 or treated < 1 or not variance >= 0:
        raise InputError("Each arm needs somebody, and a variance is 0 or more.", control=control, treated=treated)
    quantile = NormalDist().inv_cdf
    return (quantile(1 - alpha / 2) + quantile(power)) * math.sqrt(variance / control + variance / treated)
