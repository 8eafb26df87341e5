"""Insight: the metrics of a tenant as of an instant, from the lake, the ledger and the segments.

A page asks once. Deliberately not here: what the metrics are (`insight`), and filling the lake (`lake`).
Units: as in `insight.ask`; points are whole points of all books together.
"""

from datetime import datetime
from typing import Any, NamedTuple

from keyuan import ledger, segments
from keyuan.engines.database import Session
from keyuan.engines.lake import Lake
from keyuan.insight import ask
from keyuan.insight.ask import DayPoints, FunnelStep, Repeat, Retention, Revenue, Week, WeekRevenue


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
    totals: ledger.Totals
    segments: list[SegmentSize]


def overview(session: Session, lake: Lake, as_of: datetime) -> Overview:
    """Return all metrics of the session's tenant."""
    with lake.open(session.tenant) as tables:
        return Overview(
            as_of=as_of,
            growth=ask.weekly_growth(tables, as_of),
            weekly_revenue=ask.weekly_revenue(tables, as_of),
            revenue=ask.revenue(tables, as_of),
            retention=ask.monthly_retention(tables, as_of),
            repeat=ask.repeat_purchase(tables, as_of),
            funnel=ask.purchase_funnel(tables, as_of),
            points=ask.points_of_days(tables, as_of),
            totals=ledger.totals(session, as_of),
            segments=segment_sizes(session, as_of),
        )


def segment_sizes(session: Session, as_of: datetime) -> list[SegmentSize]:
    """Return the size of every segment at an instant, by name."""
    sizes = segments.sizes(session, as_of)
    return [
        SegmentSize(each.name, each.title_en, each.title_zh, sizes.get(each.name, 0))
        for each in segments.segments(session)
    ]


def insight_figures(session: Session, lake: Lake, as_of: datetime) -> dict[str, Any]:
    """Return the metrics as figures, each by its name; those of weeks are of the last whole week before `as_of`.

    `revenue_minor` has one amount a currency. Shares are rounded to four places.
    """
    found = overview(session, lake, as_of)
    week = found.growth[-1] if found.growth else None
    return {
        "week": week.week.isoformat() if week else None,
        "active_customers": week.active if week else 0,
        "new_customers": week.new if week else 0,
        "retained_customers": week.retained if week else 0,
        "resurrected_customers": week.resurrected if week else 0,
        "churned_customers": week.churned if week else 0,
        "orders": sum(each.orders for each in found.revenue),
        "unlinked_orders": sum(each.unlinked_orders for each in found.revenue),
        "revenue_minor": {each.currency: each.revenue_minor for each in found.revenue},
        "customers": found.repeat.customers,
        "repeat_purchase_share": round(found.repeat.share, 4),
        "funnel_customers": {each.step: each.customers for each in found.funnel},
        "retained_share": _retained_share(found.retention),
        "points_issued": found.totals.points_issued,
        "points_redeemed": found.totals.points_redeemed,
        "points_expired": found.totals.points_expired,
        "points_owed": found.totals.points_owed,
        "segment_people": {each.segment: each.people for each in found.segments},
    }


def _retained_share(rows: list[Retention]) -> float | None:
    """Of those whose first order was long enough ago, how many ordered again in the month after it."""
    after = [row for row in rows if row.months_after == 1]
    size = sum(row.size for row in after)
    return round(sum(row.customers for row in after) / size, 4) if size else None
