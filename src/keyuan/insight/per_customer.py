"""What each of some customers did in a window of time, and before it: the figures that an experiment compares.

Who is asked for counts, whether she did anything or not. Deliberately not here: why these customers, and what their
groups are (experiments; flows). The metrics in words are in `metrics`.
Units: a window goes from an instant (inclusive) to another one (exclusive); `_minor` minor units of one currency,
orders in others are left out of it; weeks are 7 × 24 h from the window's start.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from keyuan.engines.lake import Tables
from keyuan.insight import expressions
from keyuan.insight.tables import EVENTS
from keyuan.kernel.clock import to_us

ARM: Final = "arm"
BEFORE: Final = "_before"
"""Behind the name of a metric: the same over the window before."""
_KINDS: Final = {"customer": "int64", ARM: "text"}


class Window(NamedTuple):
    """The time from an instant (inclusive) to another one (exclusive)."""

    from_at: datetime
    until_at: datetime


class CustomerFigures(NamedTuple):
    """What one customer did in a window, and in the one before it."""

    customer: int
    arm: str
    orders: int
    spend_minor: int
    active_weeks: int
    orders_before: int
    spend_minor_before: int
    active_weeks_before: int


def customer_figures(
    tables: Tables, arms: Mapping[int, str], window: Window, before: Window, currency: str
) -> list[CustomerFigures]:
    """Return one row for each customer of `arms`, by her number in the lake."""
    members = tables.beside("members", _KINDS, {"customer": list(arms), ARM: list(arms.values())})
    orders = expressions.orders_of(tables.table(EVENTS), to_us(window.until_at))
    spans = {"": _span(window), BEFORE: _span(before)}
    rows = tables.rows(expressions.per_customer(members, orders, spans, currency))
    return [CustomerFigures._make(row) for row in rows]


def _span(window: Window) -> tuple[int, int]:
    return to_us(window.from_at), to_us(window.until_at)
