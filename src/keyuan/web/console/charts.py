"""Geometry of the charts that the server draws: where marks and axes are, in units of the picture.

Colours are classes of the style sheet, sizes are attributes, so the policy needs no inline style. Each chart has a
table beside it. Deliberately not here: words and formats, which templates put in.
Units: picture units, about one CSS pixel at full width.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keyuan.events.activity import Week
from keyuan.ledger.explorer import LotMonth

_STEPS: Final = (1, 2, 2.5, 5, 10)
_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One mark: its place, its size and the class of its colour."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the axis and what it stands for."""

    place: float
    value: int


@dataclass(frozen=True, slots=True)
class WeekChart:
    """Customers of each week, stacked above zero, and below it who came the week before and not then."""

    width: int
    height: int
    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    labels: Sequence[tuple[float, datetime]]
    last: tuple[float, float, int]
    left: int


def week_chart(weeks: Sequence[Week], width: int, height: int, every: int) -> WeekChart:
    """Lay out weeks on a picture; every so many weeks have a label."""
    left, top, bottom, right = 46, 18, 26, 8
    step = nice_step(max((week.came for week in weeks), default=0) + max((week.gone for week in weeks), default=0))
    highest = math.ceil(max((week.came for week in weeks), default=1) / step) * step
    lowest = -math.ceil(max((week.gone for week in weeks), default=0) / step) * step
    scale = (height - top - bottom) / max(highest - lowest, 1)
    pitch = (width - left - right) / max(len(weeks), 1)
    wide = round(pitch * 0.64, 2)

    def at(value: float) -> float:
        return round(top + (highest - value) * scale, 2)

    bars: list[Bar] = []
    for place, week in enumerate(weeks):
        x = round(left + place * pitch + (pitch - wide) / 2, 2)
        level = 0
        for count, tone in ((week.stayed, "f2"), (week.returned, "f3"), (week.new, "f1")):
            if count:
                bars.append(Bar(x, at(level + count), wide, round(count * scale, 2), tone))
            level += count
        if week.gone:
            bars.append(Bar(x, at(0), wide, round(week.gone * scale, 2), "f0"))
    ticks = [Tick(at(value), value) for value in range(lowest, highest + 1, step)]
    labels = [
        (round(left + (place + 0.5) * pitch, 2), week.monday) for place, week in enumerate(weeks) if place % every == 0
    ]
    end = weeks[-1].came if weeks else 0
    return WeekChart(width, height, bars, ticks, labels, (round(width - right - pitch / 2, 2), at(end) - 6, end), left)


def nice_step(span: int) -> int:
    """Return a round step that cuts a span into about five parts."""
    rough = max(span / _TICKS, 1)
    magnitude = 10 ** math.floor(math.log10(rough))
    return max(1, math.ceil(min(step * magnitude for step in _STEPS if step * magnitude >= rough)))


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns over one axis, each with what it stands for; months begin where they are labelled."""

    width: int
    height: int
    bars: Sequence[Bar]
    labels: Sequence[tuple[float, datetime]]
    values: Sequence[tuple[float, float, int]]


def year_chart(weeks: Sequence[tuple[datetime, int]], width: int = 424, height: int = 158) -> Columns:
    """Lay out what was spent week by week; a week without is a stub, so that gaps are seen."""
    base, pitch = height - 26, width / max(len(weeks), 1)
    highest = max((spent for _, spent in weeks), default=0) or 1
    bars: list[Bar] = []
    labels: list[tuple[float, datetime]] = []
    for place, (monday, spent) in enumerate(weeks):
        x = round(place * pitch + 1, 2)
        size = max(round(spent / highest * (base - 6), 2), 2)
        bars.append(Bar(x, base - size, round(pitch - 2.4, 2), size, "f1") if spent else _stub(x, base, pitch))
        is_first = not labels or monday.month != labels[-1][1].month
        if is_first and place < len(weeks) - 2:
            labels.append((x, monday))
    shown = labels[1:] if len(labels) > 1 and labels[1][0] - labels[0][0] < width / 16 else labels
    return Columns(width, height, bars, shown, [])


def _stub(x: float, base: int, pitch: float) -> Bar:
    return Bar(x, base - 1, round(pitch - 2.4, 2), 1, "f0")


def lot_chart(months: Sequence[LotMonth], width: int = 284, height: int = 132) -> Columns:
    """Lay out what is left by the month in which it ends; the first to end stands out."""
    shown = months[:12]
    base, pitch = height - 20, width / max(len(shown), 6)
    highest = max((month.points for month in shown), default=0) or 1
    bars: list[Bar] = []
    values: list[tuple[float, float, int]] = []
    for place, month in enumerate(shown):
        size = max(round(month.points / highest * (base - 20), 2), 2)
        x = round(place * pitch + 1.5, 2)
        bars.append(Bar(x, base - size, round(pitch - 3, 2), size, "f1" if place else "f4"))
        values.append((round(x + (pitch - 3) / 2, 2), base - size - 5, month.points))
    labels = [(bar.x + bar.width / 2, month.month) for bar, month in zip(bars, shown, strict=True)]
    return Columns(width, height, bars, labels, values)


@dataclass(frozen=True, slots=True)
class HourMap:
    """Visits by weekday and hour; hours in which nobody ever came are left out at both ends."""

    width: int
    height: int
    cells: Sequence[Bar]
    days: Sequence[tuple[float, int]]
    hours: Sequence[tuple[float, int]]
    visits: int


def hour_map(pattern: Sequence[Sequence[int]], width: int = 264, height: int = 176) -> HourMap:
    """Lay out the orders of a person by weekday (7 rows) and hour (24 columns)."""
    used = [hour for hour in range(24) if any(row[hour] for row in pattern)]
    first, last = (min(used), max(used)) if used else (9, 21)
    first, last = min(first, 12), max(last, first + 8)
    last = min(last, 23)
    left, bottom = 36, 22
    pitch_x, pitch_y = (width - left) / (last - first + 1), (height - bottom) / 7
    highest = max((count for row in pattern for count in row), default=0) or 1
    cells = [
        Bar(
            round(left + (hour - first) * pitch_x, 2), round(day * pitch_y, 2), round(pitch_x - 2.5, 2),
            round(pitch_y - 3, 2), f"h{math.ceil(row[hour] / highest * 4)}",
        )
        for day, row in enumerate(pattern)
        for hour in range(first, last + 1)
    ]  # fmt: skip
    days = [(round((day + 0.5) * pitch_y + 2, 2), day + 1) for day in range(7)]
    hours = [(round(left + (hour - first) * pitch_x, 2), hour) for hour in range(first, last + 1, 4)]
    return HourMap(width, height, cells, days, hours, sum(map(sum, pattern)))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole: where it begins and how wide it is, in percent."""

    start: float
    width: float
    tone: str


def parts(values: Iterable[tuple[int, str]]) -> list[Part]:
    """Lay out parts of a whole along one bar, with hairline gaps; a part that is not nothing can be seen."""
    given = [(value, tone) for value, tone in values if value > 0]
    total = sum(value for value, _ in given) or 1
    widths = [max(value / total * 100, 0.4) for value, _ in given]
    scale = (100 - 0.3 * (len(given) - 1)) / (sum(widths) or 1)
    found: list[Part] = []
    start = 0.0
    for (_, tone), width in zip(given, widths, strict=True):
        found.append(Part(round(start, 3), round(width * scale, 3), tone))
        start += width * scale + 0.3
    return found
