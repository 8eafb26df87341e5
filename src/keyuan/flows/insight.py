"""Insight: the metrics of a tenant as of an instant, from the lake, the ledger and the segments.

Asking takes seconds, so a reading is kept. Deliberately not here: what the metrics are (`insight`), filling the lake
(`lake`), and showing a reading (`console_insight`, which must not import Ibis).
Units: as in `insight.ask`; points are whole points of all books together.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from keyuan import events, ledger, segments
from keyuan.engines.database import Database, Session
from keyuan.engines.lake import Lake
from keyuan.insight import ask, readings
from keyuan.insight.answers import Overview, Retention, SegmentSize
from keyuan.insight.readings import Extent

LOOK_EVERY_S: Final = 5.0
AFTER_MOVES: Final = timedelta(minutes=1)
AT_LATEST: Final = timedelta(hours=1)


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


def read_insight(database: Database, lake: Lake, tenant: int, as_of: datetime, system_now: datetime) -> Overview:
    """Ask for all metrics in one snapshot, and keep the answer for the pages that show it."""
    with database.transaction(tenant, snapshot=True) as session:
        extent = _extent(session)
        found = overview(session, lake, as_of)
    with database.transaction(tenant) as session:
        readings.keep(session, found, extent, system_now)
    return found


@dataclass(slots=True)
class InsightReader:
    """Keeps one tenant's reading true while somebody serves; `step` is cheap when there is nothing to do.

    A reading is taken again when log or ledger have moved, and not sooner than a minute after the last one; when the
    day changes; and each hour, for who has withdrawn since. A clock that stands still is left alone: while a history
    is brought in, nobody looks.
    """

    database: Database
    lake: Lake
    tenant: int
    monotonic: Callable[[], float] = time.monotonic
    _look_s: float = field(default=0.0, init=False)

    def step(self, system_now: datetime) -> bool:
        """Take a reading if one is due, and tell whether it was."""
        if self.monotonic() < self._look_s:
            return False
        self._look_s = self.monotonic() + LOOK_EVERY_S
        with self.database.transaction(self.tenant) as session:
            clock = events.read_clock(session)
            as_of = clock.now(system_now)
            goes_on = clock.runs(system_now) or not clock.by_hand
            is_due = goes_on and _is_due(session, as_of, system_now)
        if is_due:
            read_insight(self.database, self.lake, self.tenant, as_of, system_now)
        return is_due


def _is_due(session: Session, as_of: datetime, system_now: datetime) -> bool:
    last = readings.taken(session)
    if last is None:
        return True
    age = system_now - last.taken_at
    has_moved = last.extent != _extent(session)
    return (has_moved and age >= AFTER_MOVES) or age >= AT_LATEST or last.as_of.date() != as_of.date()


def _extent(session: Session) -> Extent:
    return Extent(events.last_seq(session), ledger.last_entry(session))


def insight_figures(found: Overview) -> dict[str, Any]:
    """Return metrics as figures, each by its name; those of weeks are of the last whole week before `as_of`.

    `revenue_minor` has one amount a currency. Shares are rounded to four places.
    """
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
