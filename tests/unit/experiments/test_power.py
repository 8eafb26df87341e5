"""What an experiment can see, compared with experiments that were played through."""

import numpy as np
import pytest

from keyuan.experiments.power import smallest_effect
from keyuan.kernel.errors import InputError


def test_it_is_the_textbook_figure():
    # 16 σ² / δ² people an arm find δ with a power of 80 % (van Belle's rule of thumb; 15.7 by the normal quantiles).
    assert smallest_effect(1.0, 1_570, 1_570) == pytest.approx(0.1, rel=1e-3)
    assert smallest_effect(9.0, 1_570, 1_570) == pytest.approx(0.3, rel=1e-3)
    assert smallest_effect(1.0, 100, 400) > smallest_effect(1.0, 250, 250)


@pytest.mark.parametrize(("held_out", "treated", "power"), [(60, 240, 0.8), (150, 150, 0.9)])
def test_as_many_experiments_find_it_as_it_says(held_out: int, treated: int, power: float):
    random, times = np.random.default_rng(7), 4_000
    effect = smallest_effect(4.0, held_out, treated, power=power)
    control = random.normal(10, 2, (times, held_out))
    lifted = random.normal(10 + effect, 2, (times, treated))
    spread = np.sqrt(control.var(axis=1, ddof=1) / held_out + lifted.var(axis=1, ddof=1) / treated)
    found = np.abs(lifted.mean(axis=1) - control.mean(axis=1)) > 1.96 * spread
    assert found.mean() == pytest.approx(power, abs=0.025)


@pytest.mark.parametrize(
    ("variance", "control", "treated"), [(1.0, 0, 5), (1.0, 5, 0), (-1.0, 5, 5), (float("nan"), 5, 5)]
)
def test_an_empty_arm_sees_nothing(variance: float, control: int, treated: int):
    with pytest.raises(InputError):
        smallest_effect(variance, control, treated)
