"""Intervals on one shared axis: where rings, bars and grid lines are, in percent of the plot's width.

Each row of a table has a picture of its own, and all of them the same axis, so that the zero line runs through. Places
are percentages: a plot is as wide as its column and its rings stay round. Deliberately not here: colours (classes of
the style sheet), words, and what an interval means.
Units: values are shares (0.05 is 5 %) or any other one unit for all rows of a plot.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_STEPS: Final = (1, 2, 5, 10)
_TICKS: Final = 4
_MARGIN: Final = 0.06
_EMPTY: Final = 0.1
_LABEL: Final = 8


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its interval."""

    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: the bar from `start` to `end`, and the ring on it."""

    start: float
    ring: float
    end: float


@dataclass(frozen=True, slots=True)
class IntervalPlot:
    """Marks of all rows in order (None where nothing is known), the zero line, and grid lines with their values."""

    marks: Sequence[Mark | None]
    zero: float
    ticks: Sequence[tuple[float, float]]

    @property
    def far(self) -> float:
        """Return the value that is labelled beside zero where there is room for two labels only."""
        inside = [(abs(place - self.zero), value) for place, value in self.ticks if _LABEL <= place <= 100 - _LABEL]
        return max(inside, default=(0.0, 0.0))[1]


def interval_plot(rows: Sequence[Estimate | None]) -> IntervalPlot:
    """Lay out rows on an axis that holds zero and every interval whole."""
    known = [row for row in rows if row is not None]
    low = min([0.0, *(row.low for row in known)])
    high = max([0.0, *(row.high for row in known)])
    if low == high:
        low, high = -_EMPTY, _EMPTY
    margin = (high - low) * _MARGIN
    low, high = low - margin, high + margin

    def place(value: float) -> float:
        return round((value - low) / (high - low) * 100, 2)

    return IntervalPlot(
        marks=[None if row is None else Mark(place(row.low), place(row.value), place(row.high)) for row in rows],
        zero=place(0.0),
        ticks=[(place(value), value) for value in _ticks(low, high)],
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return round values inside, zero among them: few enough for their labels to stand side by side."""
    rough = (high - low) / _TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = min(step * magnitude for step in _STEPS if step * magnitude >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
