"""A kept reading as a page shows it, and what its figures are worth in money."""

from datetime import UTC, datetime
from typing import Any

import pytest

from keyuan.flows.console_reading import Reading, people_wanted, reading_of, worth

AT = datetime(2018, 1, 2, tzinfo=UTC)


def body(orders: tuple[float, float, float], spend: tuple[float, float, float], **changed: Any) -> dict[str, Any]:
    """Return what is kept of an experiment, with differences and intervals as (low, difference, high)."""

    def metric(low: float, difference: float, high: float) -> dict[str, Any]:
        return {
            "treated": 10.0 + difference, "control": 10.0, "difference": difference, "interval": [low, high], "p": 0.5,
            "variance_left": 0.4, "known": [80, 320],
        }  # fmt: skip

    return {
        "verdict": "No effect.", "verdict_zh": "没有差别。", "verdict_kind": "no_effect_seen", "verdict_why": "figures",
        "verdict_metric": "orders", "metrics": {"orders": metric(*orders), "spend_minor": metric(*spend)},
        "n": {"hold_out": 80, "treated": 320}, "split": {"hold_out": 0.2, "treated": 0.8}, "srm_p": 0.9,
        "exposed": {"hold_out": 0, "treated": 300}, "left_out": {"hold_out": 1, "treated": 2},
    } | changed  # fmt: skip


def reading(*figures: tuple[float, float, float], **changed: Any) -> Reading:
    return reading_of(AT, AT, body(figures[0], figures[1], **changed))


def test_a_reading_is_told_whole():
    found = reading((-1.0, 0.5, 2.0), (-100.0, 50.0, 200.0))
    assert found.headline.name == "orders"
    assert (found.headline.relative.low, found.headline.relative.value, found.headline.relative.high) == (
        -0.1,
        0.05,
        0.2,
    )
    assert (found.everybody, found.left_out, found.is_withheld, found.split_holds) == (400, 3, False, True)


def test_a_reading_whose_split_is_off_is_withheld():
    found = reading((-1, 0, 1), (-1, 0, 1), verdict_kind="no_verdict", verdict_why="sample_ratio")
    assert (found.is_withheld, found.split_holds) == (True, False)
    other = reading((-1, 0, 1), (-1, 0, 1), verdict_kind="no_verdict", verdict_why="missing_differs")
    assert (other.is_withheld, other.split_holds) == (True, True)


def test_nothing_relative_is_said_of_a_hold_out_that_bought_nothing():
    kept = body((-1, 0, 1), (-1, 0, 1))
    kept["metrics"]["orders"]["control"] = 0.0
    assert reading_of(AT, AT, kept).headline.relative is None


def test_net_gain_is_margin_less_reward_at_both_ends_of_the_interval():
    found = worth(reading((-1, 0.5, 2), (-1000.0, 500.0, 2000.0)), 500.0, is_modelled=True)
    assert (found.net_minor.low, found.net_minor.value, found.net_minor.high) == pytest.approx((-800, -350, 100))


def test_seeing_half_as_much_takes_four_times_as_many_people():
    found = reading((-1.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    whole, half = people_wanted(found, 0.1), people_wanted(found, 0.05)
    assert whole is not None
    assert half == pytest.approx(4 * whole, rel=0.01)
    assert people_wanted(found, 0.143) == pytest.approx(found.everybody, rel=0.01)


@pytest.mark.parametrize(
    ("orders", "cost"),
    [
        ((0.5, 1.0, 2.0), (250.0, 1000.0)),
        ((-1.0, 0.5, 2.0), (250.0, None)),
        ((0.0, 0.5, 2.0), (250.0, None)),
        ((-2.0, -1.0, -0.5), None),
        ((-2.0, -1.0, 0.0), None),
    ],
)
def test_an_extra_order_costs_more_the_fewer_there_are_and_is_never_had_for_less(
    orders: tuple[float, float, float], cost: tuple[float, float | None] | None
):
    assert worth(reading(orders, (0.0, 0.0, 0.0)), 500.0, is_modelled=False).order_minor == cost
