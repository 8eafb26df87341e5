"""Metrics asked of the lake: each call is one question and returns the rows of a page.

Weeks and months are whole ones: those that had ended at `as_of`; between the first and the last none is missing.
Deliberately not here: how a metric is computed (`expressions`), and points and segments of the database (flows).
Units: days are UTC; `_share` 0 to 1; a week is named by its Monday, a month by its first day.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import accumulate, groupby
from typing import Final

from keyuan.engines.lake import Row, Tables
from keyuan.insight import expressions
from keyuan.insight.answers import DayPoints, FunnelStep, Repeat, Retention, Revenue, Week, WeekRevenue
from keyuan.insight.tables import COUPON, EVENTS, MAILED, ORDER, POINTS
from keyuan.kernel.clock import DAY_US, EPOCH_DAY, to_us

_FIRST_MONDAY: Final = 3


PURCHASE_STEPS: Final = (MAILED, ORDER, COUPON)
PURCHASE_WINDOW_DAYS: Final = 30


def weekly_growth(tables: Tables, as_of: datetime) -> list[Week]:
    """Weekly active customers and what they are made of, week by week."""
    last = _last_week(as_of)
    rows = tables.rows(expressions.weekly_growth(_orders(tables, as_of), last))
    found = {row[0]: row[1:] for row in rows}
    nobody = (0, 0, 0, 0, 0)
    return [Week._make((_monday(week), *found.get(week, nobody))) for week in _range(found, last)]


def weekly_revenue(tables: Tables, as_of: datetime) -> list[WeekRevenue]:
    """Revenue week by week, currency by currency."""
    last = _last_week(as_of)
    rows = tables.rows(expressions.weekly_revenue(_orders(tables, as_of), last))
    found = {row[:2]: row[2:] for row in rows}
    weeks = _range({row[0]: row for row in rows}, last)
    currencies = sorted({row[1] for row in rows})
    return [
        WeekRevenue._make((_monday(week), currency, *found.get((week, currency), (0, 0, 0))))
        for week in weeks
        for currency in currencies
    ]


def revenue(tables: Tables, as_of: datetime) -> list[Revenue]:
    """All revenue before an instant, by currency."""
    return [Revenue._make(row) for row in tables.rows(expressions.revenue(_orders(tables, as_of)))]


def monthly_retention(tables: Tables, as_of: datetime) -> list[Retention]:
    """Repeat purchase by the month of the first order; `months_after` 0 is that month itself."""
    last = as_of.year * 12 + as_of.month - 2
    rows = tables.rows(expressions.monthly_retention(_orders(tables, as_of), last))
    found = {(first, after): customers for first, after, customers in rows}
    return [
        Retention(_first_day(first), after, found.get((first, after), 0), found[first, 0])
        for first in sorted({first for first, _ in found})
        for after in range(last - first + 1)
    ]


def repeat_purchase(tables: Tables, as_of: datetime) -> Repeat:
    """How many customers ordered at all, and more than once."""
    return Repeat._make(tables.rows(expressions.repeat_buyers(_orders(tables, as_of)))[0])


def purchase_funnel(
    tables: Tables,
    as_of: datetime,
    steps: Sequence[str] = PURCHASE_STEPS,
    within_days: int = PURCHASE_WINDOW_DAYS,
) -> list[FunnelStep]:
    """How many customers took each step, in order and in time; `steps` are kinds of events."""
    events = tables.table(EVENTS)
    seen = events.filter(events.at_us < to_us(as_of))
    row = tables.rows(expressions.funnel(seen, [seen.kind == step for step in steps], within_days * DAY_US))[0]
    return [FunnelStep(step, customers) for step, customers in zip(steps, row, strict=True)]


def points_of_days(tables: Tables, as_of: datetime) -> list[DayPoints]:
    """Points day by day, up to and with the day of an instant; days on which nothing moved are left out."""
    rows = tables.rows(expressions.points_of_days(tables.table(POINTS), as_of.date()))
    books = groupby(sorted(rows, key=lambda row: row[1:3] + row[:1]), key=lambda row: row[1:3])
    days = [day for _, book in books for day in _with_owed(list(book))]
    return sorted(days)


def _with_owed(book: Sequence[Row]) -> list[DayPoints]:
    owed = accumulate(issued - redeemed - expired for _, _, _, issued, redeemed, expired in book)
    return [DayPoints._make((*row, after)) for row, after in zip(book, owed, strict=True)]


def _orders(tables: Tables, as_of: datetime) -> expressions.Expression:
    return expressions.orders_of(tables.table(EVENTS), to_us(as_of))


def _last_week(as_of: datetime) -> int:
    """The number of the last week that had ended."""
    return (to_us(as_of) // DAY_US + _FIRST_MONDAY) // 7 - 1


def _range(found: Mapping[int, object], last: int) -> range:
    return range(min(found), last + 1) if found else range(0)


def _monday(week: int) -> date:
    return date.fromordinal(EPOCH_DAY + week * 7 - _FIRST_MONDAY)


def _first_day(month: int) -> date:
    year, number = divmod(month, 12)
    return date(year, number + 1, 1)
