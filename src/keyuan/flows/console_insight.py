"""What the page of insight shows: the kept reading of the metrics, cut to a period, a currency and a book of points.

Nothing is asked of the lake here, and Ibis is not imported: a page must not wait for either.
Units: as in `insight.answers`; points are added up week by week, weeks are named by their Monday.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from keyuan import events
from keyuan.engines.database import Session
from keyuan.insight import readings
from keyuan.insight.answers import DayPoints, FunnelStep, Overview, Repeat, Retention, SegmentSize, Week, WeekRevenue

STALE_AFTER: Final = timedelta(hours=3)
"""A running reading is taken each hour at least: one that is older says that nobody fills the lake."""
_LATELY_WEEKS: Final = 4


class WeekPoints(NamedTuple):
    """What a week brought in one book of points, and what is owed at its end."""

    week: date
    issued: int
    redeemed: int
    expired: int
    owed: int


class Lately(NamedTuple):
    """A sum of the last weeks, and of as many before; None where there are not so many."""

    now: int
    before: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to see; a currency or book that is not there is the first one."""

    weeks: int
    currency: str = ""
    book: str = ""


@dataclass(frozen=True, slots=True)
class Insight:
    """The metrics of a period; `weeks` may be fewer than wanted."""

    as_of: datetime
    is_stale: bool
    weeks: Sequence[Week]
    retained_share: float | None
    """Of those who came in the week before the last, how many came again."""
    month_after: float | None
    """Of those who first came long enough ago, how many came again in the month after."""
    repeat: Repeat
    retention: Sequence[Retention]
    funnel: Sequence[FunnelStep]
    currency: str
    currencies: Sequence[str]
    revenue: Sequence[WeekRevenue]
    lately: Lately
    book: str
    books: Sequence[str]
    points: Sequence[WeekPoints]
    owed: int
    segments: Sequence[SegmentSize]


def insight(session: Session, wanted: Wanted, system_now: datetime) -> Insight | None:
    """Return what the page shows; None before the first reading."""
    found = readings.latest(session)
    if found is None:
        return None
    is_stale = events.clock_at(session, system_now) - found.as_of > STALE_AFTER
    return cut(found, wanted, is_stale=is_stale)


def cut(found: Overview, wanted: Wanted, *, is_stale: bool = False) -> Insight:
    """Cut a reading to what is wanted."""
    currencies = sorted({row.currency for row in found.weekly_revenue})
    currency = _one_of(currencies, wanted.currency)
    revenue = [row for row in found.weekly_revenue if row.currency == currency]
    books = sorted({_book(day) for day in found.points})
    book = _one_of(books, wanted.book)
    days = [day for day in found.points if _book(day) == book]
    return Insight(
        as_of=found.as_of,
        is_stale=is_stale,
        weeks=found.growth[-wanted.weeks :],
        retained_share=_retained(found.growth),
        month_after=_month_after(found.retention),
        repeat=found.repeat,
        retention=found.retention,
        funnel=found.funnel,
        currency=currency,
        currencies=currencies,
        revenue=revenue[-wanted.weeks :],
        lately=_lately([row.revenue_minor for row in revenue]),
        book=book,
        books=books,
        points=weekly_points(days, found.as_of)[-wanted.weeks :],
        owed=days[-1].owed if days else 0,
        segments=sorted(found.segments, key=lambda each: -each.people),
    )


def net(week: Week) -> int:
    """Return by how many customers a week has more than the one before."""
    return week.new + week.resurrected - week.churned


def weekly_points(days: Iterable[DayPoints], as_of: datetime) -> list[WeekPoints]:
    """Add up one book's days, which are in order, week by week; the week that is under way is left out."""
    sums: dict[date, WeekPoints] = {}
    for day in days:
        monday = day.day - timedelta(days=day.day.weekday())
        before = sums.get(monday, WeekPoints(monday, 0, 0, 0, 0))
        sums[monday] = WeekPoints(
            monday,
            before.issued + day.issued,
            before.redeemed + day.redeemed,
            before.expired + day.expired,
            day.owed,
        )
    if not sums:
        return []
    found: list[WeekPoints] = []
    monday, running = min(sums), as_of.date() - timedelta(days=as_of.weekday())
    while monday < running:
        owed = found[-1].owed if found else 0
        found.append(sums.get(monday, WeekPoints(monday, 0, 0, 0, owed)))
        monday += timedelta(days=7)
    return found


def _book(day: DayPoints) -> str:
    return f"{day.brand}.{day.currency}"


def _one_of(names: Sequence[str], wanted: str) -> str:
    return wanted if wanted in names else next(iter(names), "")


def _retained(weeks: Sequence[Week]) -> float | None:
    for before, last in list(pairwise(weeks))[-1:]:
        return last.retained / before.active if before.active else None
    return None


def _month_after(rows: Iterable[Retention]) -> float | None:
    after = [row for row in rows if row.months_after == 1]
    size = sum(row.size for row in after)
    return sum(row.customers for row in after) / size if size else None


def _lately(values: Sequence[int]) -> Lately:
    before = values[-2 * _LATELY_WEEKS : -_LATELY_WEEKS]
    return Lately(sum(values[-_LATELY_WEEKS:]), sum(before) if len(before) == _LATELY_WEEKS else None)
