"""A/A tests on real households: split again and again by other salts, they are told apart in 1 of 20, no more or less.

The history is what it was, so no split can have made a difference. Figures are skewed as real ones are, and a fifth of
300 households is few: what holds here holds for the demo's campaign.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from keyuan.experiments import analysis, assign, hold_out
from keyuan.experiments.analysis import Analysis
from keyuan.experiments.model import Design, Metric, Moments, Observed
from keyuan.experiments.verdict import Kind, verdicts
from unit.experiments.samples import moments

SAMPLE = Path(__file__).parents[1] / "data" / "completejourney_sample" / "transactions.parquet"
SINCE, BEFORE, UNTIL = datetime(2017, 10, 1), datetime(2017, 7, 1), datetime(2018, 1, 1)  # noqa: DTZ001  # the file names no zone
WEEK = timedelta(days=7)
METRICS = ("orders", "spend_minor", "active_weeks")
SPLITS, SPLITS_LONG, SPLITS_PLANTED = 1_000, 10_000, 300


def design(*metrics: str) -> Design:
    """Return how the demo's campaign is read, with these metrics."""
    return Design(
        arm="arm",
        control="hold_out",
        metrics=tuple(Metric(column=name, covariate=f"{name}_before") for name in metrics),
        shares={"hold_out": 0.2, "treated": 0.8},
        nobody_treated=True,
    )


@cache
def households() -> tuple[list[str], Mapping[str, Any]]:
    """Return the names of all households, and per metric what they did in the window and before it."""
    rows = duckdb.execute(
        "SELECT household_id, any_value(transaction_timestamp), sum(round(sales_value * 100)::BIGINT)::BIGINT"
        f" FROM read_parquet('{SAMPLE}') GROUP BY household_id, basket_id"
    ).fetchall()
    numbers = sorted({row[0] for row in rows})
    found: dict[str, Any] = {}
    for suffix, since, until in (("", SINCE, UNTIL), ("_before", BEFORE, SINCE)):
        mine: dict[int, list[tuple[datetime, int]]] = {number: [] for number in numbers}
        for number, at, minor in rows:
            if since <= at < until:
                mine[number].append((at, minor))
        figures = [
            (len(hers), sum(minor for _, minor in hers), len({(at - since) // WEEK for at, _ in hers}))
            for hers in mine.values()
        ]
        columns = np.array(figures, dtype=float).T
        found |= {name + suffix: column for name, column in zip(METRICS, columns, strict=True)}
    return [f"household:{number}" for number in numbers], found


def split(salt: str, metrics: Iterable[str]) -> Observed:
    """Return what is seen of all households when their arms come from a salt."""
    names, figures = households()
    held = np.array(assign(names, salt, hold_out(0.2))) == 0
    arms = {"hold_out": held, "treated": ~held}
    return Observed(
        people={arm: int(here.sum()) for arm, here in arms.items()},
        moments={
            name: {arm: moments(figures[name][here], figures[f"{name}_before"][here]) for arm, here in arms.items()}
            for name in metrics
        },
    )


def looked(splits: int, *metrics: str) -> list[Analysis]:
    """Return the analyses of so many splits."""
    asked = design(*metrics)
    return [analysis.analyse(asked, split(f"salt-{number}", metrics)) for number in range(splits)]


def alarms(found: list[Analysis], metric: str) -> float:
    """Return in which share of analyses the interval of a metric leaves out 0."""
    intervals = [each.of(metric)[0].interval or (0.0, 0.0) for each in found]
    return sum(1 for low, high in intervals if low > 0 or high < 0) / len(intervals)


def is_as_promised(alarm_share: float, splits: int) -> bool:
    """Tell whether false alarms are 1 of 20, within what chance does in all but 1 of 15,000 runs."""
    return abs(alarm_share - 0.05) < 4 * math.sqrt(0.05 * 0.95 / splits)


def test_of_1_000_splits_of_real_households_1_of_20_is_a_false_alarm():
    found = looked(SPLITS, "orders")
    assert is_as_promised(alarms(found, "orders"), SPLITS)
    kinds = Counter(verdicts(design("orders"), each)[0].kind for each in found)
    assert kinds.keys() <= {Kind.NO_EFFECT_SEEN, Kind.FALSE_ALARM, Kind.NO_VERDICT}
    assert is_as_promised(kinds[Kind.FALSE_ALARM] / SPLITS, SPLITS)
    assert kinds[Kind.NO_VERDICT] <= 10  # two checks, each 1 of 1,000


def test_intervals_that_are_too_narrow_are_found(monkeypatch: pytest.MonkeyPatch):
    def counted_twice(moments: Moments, shift: float) -> Any:
        return right(replace(moments, count=2 * moments.count), shift)

    right = analysis._aggregates
    monkeypatch.setattr(analysis, "_aggregates", counted_twice)
    assert not is_as_promised(alarms(looked(SPLITS_PLANTED, "orders"), "orders"), SPLITS_PLANTED)


@pytest.mark.long
def test_of_10_000_splits_the_same_holds_for_every_metric():
    found = looked(SPLITS_LONG, *METRICS)
    for metric in METRICS:
        assert is_as_promised(alarms(found, metric), SPLITS_LONG), (metric, alarms(found, metric))
