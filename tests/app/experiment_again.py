"""The demo's campaign computed again from the files alone: who is in it, her arm, her figures, and the statistics.

Written apart from the product and from what tests it elsewhere: the rule, the hash of GrowthBook's specification
(version 2), and Welch's and CUPED's formulas stand here once more.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy import stats

LAUNCHED, BEFORE, UNTIL = datetime(2017, 10, 1), datetime(2017, 7, 1), datetime(2018, 1, 1)  # noqa: DTZ001  # the files name no zone
SALT, HOLD_OUT = "keyuan-demo-2017-10", 0.2
WEEK = timedelta(days=7)

Baskets = list[dict[str, Any]]
Figures = dict[int, tuple[int, int, int]]


def members(baskets: Baskets) -> list[int]:
    """Return the milk households as of the launch: who agreed, bought milk most, and came often."""
    spent: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    lately: dict[int, int] = defaultdict(int)
    for basket in baskets:
        household, at = basket["household"], basket["at"]
        if household % 10 == 0 or at >= LAUNCHED:
            continue
        lately[household] += at >= LAUNCHED - timedelta(days=90)
        for category, minor in basket["lines"]:
            if category is not None:
                spent[household][category] += minor
    top = {who: sorted(each, key=lambda name: (-each[name], name))[:3] for who, each in spent.items()}
    return sorted(who for who, names in top.items() if "FLUID MILK PRODUCTS" in names and lately[who] >= 5)


def is_held_out(household: int) -> bool:
    """Tell whether the bucket of a household lies in [0, 0.2)."""

    def fnv1a(text: str) -> int:
        value = 2_166_136_261
        for byte in text.encode():
            value = ((value ^ byte) * 16_777_619) & 0xFFFFFFFF
        return value

    return fnv1a(str(fnv1a(SALT + f"household:{household}"))) % 10_000 / 10_000 < HOLD_OUT


def figures(baskets: Baskets, since: datetime, until: datetime) -> Figures:
    """Return orders, money and weeks of everybody who bought in a window."""
    mine: dict[int, Baskets] = defaultdict(list)
    for basket in baskets:
        if since <= basket["at"] < until:
            mine[basket["household"]].append(basket)
    return {
        who: (
            len(each),
            sum(minor for basket in each for _, minor in basket["lines"]),
            len({(basket["at"] - since) // WEEK for basket in each}),
        )
        for who, each in mine.items()
    }


def compared(now: Any, before: Any, held: Any) -> tuple[float, tuple[float, float], float]:
    """Return difference, interval and p, treated against held out, after CUPED."""
    slope = np.cov(now, before, ddof=1)[0, 1] / np.var(before, ddof=1)
    adjusted = now - slope * (before - before.mean())
    control, treated = adjusted[held], adjusted[~held]
    parts = [np.var(each, ddof=1) / len(each) for each in (control, treated)]
    error = np.sqrt(sum(parts))
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, (control, treated), strict=True)
    )
    difference = float(treated.mean() - control.mean())
    half = float(stats.t.ppf(0.975, freedom) * error)
    return difference, (difference - half, difference + half), float(2 * stats.t.sf(abs(difference) / error, freedom))


def check_experiment(told: dict[str, Any], baskets: Baskets) -> None:
    """Compare what the demo tells of its campaign with all of that."""
    people = members(baskets)
    held = np.array([is_held_out(who) for who in people])
    count, out = len(people), int(held.sum())
    assert told["n"] == {"hold_out": out, "treated": count - out}
    now, before = figures(baskets, LAUNCHED, UNTIL), figures(baskets, BEFORE, LAUNCHED)
    for place, metric in enumerate(("orders", "spend_minor", "active_weeks")):
        both = [np.array([each.get(who, (0, 0, 0))[place] for who in people], dtype=float) for each in (now, before)]
        difference, interval, p = compared(*both, held)
        found = told["metrics"][metric]
        assert found["difference"] == pytest.approx(difference, rel=1e-9, abs=1e-9)
        assert found["interval"] == pytest.approx(interval, rel=1e-9)
        assert found["p"] == pytest.approx(p, rel=1e-6)
    chance = stats.chisquare([out, count - out], [count * HOLD_OUT, count * (1 - HOLD_OUT)]).pvalue
    assert told["srm_p"] == pytest.approx(chance)
    assert chance > 0.001
    check_words(told)


def check_words(told: dict[str, Any]) -> None:
    """The verdict is on orders, and says that nobody was treated."""
    if min(told["n"].values()) < 30:
        assert (told["verdict_kind"], told["verdict"][:9]) == ("too_early", "Too early")
        return
    low, high = told["metrics"]["orders"]["interval"]
    if low <= 0 <= high:
        assert told["verdict"].startswith("No effect that this test could see.")
    else:
        assert "A false alarm, as expected in 1 of 20 such tests." in told["verdict"]
    assert "A/A" in told["verdict"]
    assert "A/A" in told["verdict_zh"]
