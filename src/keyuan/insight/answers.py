"""What metrics answer: rows for pages, and all of them together as of an instant. Pure; nothing here imports Ibis.

Deliberately not here: how they are computed (`ask`), and keeping them (`readings`).
Units: days are UTC; `_share` 0 to 1; a week is named by its Monday, a month by its first day; `_minor` minor units of
`currency`; points are whole points.
"""

from datetime import date, datetime
from typing import NamedTuple

from keyuan.ledger import Totals


class Week(NamedTuple):
    """How many customers bought in a week, and how that came from the week before."""

    week: date
    active: int
    new: int
    retained: int
    resurrected: int
    churned: int


class WeekRevenue(NamedTuple):
    """What was sold in a week in one currency; `unlinked_orders` of the orders are nobody's."""

    week: date
    currency: str
    revenue_minor: int
    orders: int
    unlinked_orders: int


class Revenue(NamedTuple):
    """What was sold in all in one currency."""

    currency: str
    revenue_minor: int
    orders: int
    unlinked_orders: int


class Retention(NamedTuple):
    """Of the customers whose first order was in a month, those who ordered again so many months later."""

    first_month: date
    months_after: int
    customers: int
    size: int

    @property
    def share(self) -> float:
        """The share of those who first came in that month."""
        return self.customers / self.size


class Repeat(NamedTuple):
    """Customers with an order, and of them those with two and more."""

    customers: int
    repeating: int

    @property
    def share(self) -> float:
        """The share that came again; 0 of nobody."""
        return self.repeating / self.customers if self.customers else 0.0


class FunnelStep(NamedTuple):
    """A step, and how many customers came so far in time."""

    step: str
    customers: int


class DayPoints(NamedTuple):
    """What a day brought in one book of points, and what is owed at its end."""

    day: date
    brand: str
    currency: str
    issued: int
    redeemed: int
    expired: int
    owed: int


class SegmentSize(NamedTuple):
    """How many people are in a segment."""

    segment: str
    title_en: str
    title_zh: str
    people: int


class Overview(NamedTuple):
    """All metrics as of an instant, ready for charts and their tables."""

    as_of: datetime
    growth: list[Week]
    weekly_revenue: list[WeekRevenue]
    revenue: list[Revenue]
    retention: list[Retention]
    repeat: Repeat
    funnel: list[FunnelStep]
    points: list[DayPoints]
    totals: Totals
    segments: list[SegmentSize]
