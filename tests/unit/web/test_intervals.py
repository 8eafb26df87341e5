"""The interval plot: one axis for all rows, rings inside their bars, round grid lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyuan.web.console.intervals import Estimate, interval_plot

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-6)
ESTIMATES = st.tuples(VALUES, VALUES, VALUES).map(lambda values: Estimate(*sorted(values)))


def test_marks_stand_where_the_figures_say():
    plot = interval_plot([Estimate(-0.1, 0.0, 0.1), Estimate(0.0, 0.05, 0.1)])
    assert plot.zero == 50
    first, second = plot.marks
    assert (first.start, first.ring, first.end) == (5.36, 50, 94.64)
    assert (second.start, second.ring, second.end) == (50, 72.32, 94.64)
    assert plot.ticks == [(5.36, -0.1), (50, 0), (94.64, 0.1)]


def test_the_axis_holds_zero_even_where_no_interval_does():
    plot = interval_plot([Estimate(0.2, 0.3, 0.4)])
    assert 0 < plot.zero < plot.marks[0].start
    assert 0 in [value for _, value in plot.ticks]


def test_where_there_is_room_for_two_labels_the_other_one_is_far_from_zero_and_inside():
    plot = interval_plot([Estimate(-0.28, 0.0, 0.09)])
    assert [value for _, value in plot.ticks] == [-0.2, 0.0]
    assert plot.far == -0.2


def test_a_row_without_an_interval_keeps_its_place():
    plot = interval_plot([None, Estimate(-0.1, 0, 0.3)])
    assert plot.marks[0] is None
    assert plot.marks[1] is not None


@pytest.mark.parametrize("rows", [[], [None], [Estimate(0, 0, 0)]])
def test_where_nothing_is_known_there_is_still_an_axis(rows: list[Estimate | None]):
    plot = interval_plot(rows)
    assert plot.zero == 50
    assert len(plot.ticks) == 3


@given(st.lists(ESTIMATES, min_size=1, max_size=5))
def test_every_mark_is_on_the_plot_in_order_and_on_its_side_of_zero(rows: list[Estimate]):
    plot = interval_plot(rows)
    assert len(plot.marks) == len(rows)
    for row, mark in zip(rows, plot.marks, strict=True):
        assert 0 <= mark.start <= mark.ring <= mark.end <= 100
        assert row.low < 0 or mark.start >= plot.zero
        assert row.high > 0 or mark.end <= plot.zero
        assert (row.value > 0) >= (mark.ring > plot.zero)
    assert 0 in [value for _, value in plot.ticks]
    assert 1 <= len(plot.ticks) <= 5
    assert [place for place, _ in plot.ticks] == sorted(place for place, _ in plot.ticks)
