"""What the script of charts draws: labels, values, ticks and tips, all said in the language of the page.

The server decides everything but pixels and colours, so that a chart and its table cannot differ. Deliberately not
here: charts of few marks, which the server draws itself (`charts`), and the drawing (`frontend/charts.js`).
Units: values are whole counts, points or minor units; shares 0 to 1.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from keyuan.web.console.charts import nice_step

Tone = Literal["c0", "c1", "c2", "c3", "c4", "cx"]
Say = Callable[[int], str]
_ZEROS: Final = re.compile(r"\.0+(?!\d)")


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one tone, one for each label; those of a stack lie upon each other, negative ones below zero."""

    tone: Tone
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Plot:
    """Labels along the axis, what the pointer tells of each, and how a value is said on the axis."""

    labels: Sequence[str]
    tips: Sequence[str]
    say: Say

    def bars(self, series: Sequence[Series], net: Sequence[int] = ()) -> dict[str, Any]:
        """Return stacked bars, with a mark across each for what they add up to."""
        columns = list(zip(*(each.values for each in series), strict=True))
        highest = max((sum(value for value in column if value > 0) for column in columns), default=0)
        lowest = min((sum(value for value in column if value < 0) for column in columns), default=0)
        drawn = [{"tone": each.tone, "values": list(each.values)} for each in series]
        return self._whole("bars", lowest, highest) | {"series": drawn, "net": list(net)}

    def line(self, values: Sequence[int]) -> dict[str, Any]:
        """Return a line over zero, its last value said at its end."""
        said = self.say(values[-1]) if values else ""
        return self._whole("line", 0, max(values, default=0)) | {"values": list(values), "last": said}

    def _whole(self, kind: str, lowest: int, highest: int) -> dict[str, Any]:
        step = nice_step(highest - lowest)
        bottom, top = -math.ceil(-lowest / step) * step, max(math.ceil(highest / step), 1) * step
        ticks = [self.say(value) for value in range(bottom, top + 1, step)]
        return {
            "kind": kind, "labels": list(self.labels), "tips": list(self.tips),
            "bottom": bottom, "top": top, "step": step, "ticks": _without_zeros(ticks),
        }  # fmt: skip


def _without_zeros(ticks: Sequence[str]) -> list[str]:
    """Leave out decimals that are 0 on the whole axis: 5M, not 5.00M."""
    short = [_ZEROS.sub("", tick) for tick in ticks]
    return short if not any("." in tick for tick in short) else list(ticks)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a heat map: its place, its share, what stands in it and what the pointer tells."""

    column: int
    row: int
    share: float
    words: str
    tip: str


def heat(columns: Sequence[str], rows: Sequence[str], cells: Sequence[Cell]) -> dict[str, Any]:
    """Return a heat map; the first row is on top. Shades go from the lowest share to the highest."""
    shares = [cell.share for cell in cells]
    low, high = min(shares, default=0.0), max(shares, default=1.0)
    span = (high - low) or 1.0
    return {
        "kind": "heat",
        "columns": list(columns),
        "rows": list(rows),
        "cells": [[cell.column, cell.row, round((cell.share - low) / span, 3), cell.words] for cell in cells],
        "tips": [cell.tip for cell in cells],
    }
