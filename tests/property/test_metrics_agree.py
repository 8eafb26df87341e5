"""Each metric is what counting one by one gives, on small random histories full of ties, gaps and repeated orders."""

from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyuan.engines.lake import Shape, Tables
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.engines.lake.embedded.tables import DeltaTables
from keyuan.insight import ask
from keyuan.insight.tables import COUPON, EVENTS, MAILED, ORDER, POINTS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGIN = datetime(2016, 12, 25, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Happened(NamedTuple):
    """One row, as a test writes it down."""

    kind: str
    customer: int | None
    at: datetime
    order: int
    currency: str
    minor: int


def later(days: int, at: timedelta) -> datetime:
    return BEGIN + timedelta(days=days) + at


NO_ORDER = (st.just(1), st.just("CNY"), st.just(0))
kinds = st.sampled_from([ORDER, ORDER, ORDER, MAILED, COUPON])
days = st.one_of(st.integers(0, 20), st.integers(0, 120))
instants = st.builds(
    later,
    days,
    st.sampled_from([timedelta(0), MINUTE, timedelta(hours=9), timedelta(days=1) - timedelta(microseconds=1)]),
)
happened = st.builds(
    Happened,
    kinds,
    st.one_of(st.none(), st.integers(-2, 3)),
    instants,
    st.integers(1, 15),
    st.sampled_from(["CNY", "CNY", "USD"]),
    st.integers(0, 10**12),
)


def event(kind: str, days: int) -> Happened:
    return Happened(kind, 1, later(days, timedelta(0)), 1, "CNY", 0)


LATE = later(99, timedelta(0))
histories = st.one_of(st.lists(happened, max_size=5), st.lists(happened, min_size=15, max_size=40))
ends = st.builds(later, st.integers(10, 130), st.sampled_from([timedelta(0), timedelta(hours=9)]))
crowded = st.lists(
    st.builds(
        Happened, kinds, st.integers(0, 1), st.builds(later, st.integers(0, 12), st.just(timedelta(0))), *NO_ORDER
    ),
    min_size=2,
    max_size=16,
)
chains = st.lists(st.sampled_from([MAILED, ORDER, COUPON]), min_size=1, max_size=4)


@contextmanager
def filled(shape: Shape, rows: Sequence[tuple[Any, ...]]) -> Generator[Tables]:
    """A table in memory, opened as one of files is: what is tried here are the questions."""
    with DeltaTables(Path(), lambda _: [], lambda _: nullcontext()) as tables:
        tables.table(shape)
        if rows:
            one = f"({', '.join('?' * len(shape.columns))})"
            values = [value for row in rows for value in row]
            tables._connection.execute(f"INSERT INTO {shape.name} VALUES {', '.join([one] * len(rows))}", values)
        yield tables


def lake_of(history: list[Happened]) -> AbstractContextManager[Tables]:
    return filled(
        EVENTS,
        [
            (n, each.kind, each.customer, us(each.at), each.at.date())
            + ((each.order, each.currency, each.minor, 1) if each.kind == ORDER else (None,) * 4)
            for n, each in enumerate(history, 1)
        ],
    )


def us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def counted(history: list[Happened], as_of: datetime) -> list[Happened]:
    """The orders before an instant, each id once."""
    seen: set[int] = set()
    found: list[Happened] = []
    for each in history:
        if each.kind == ORDER and each.at < as_of and each.order not in seen:
            seen.add(each.order)
            found.append(each)
    return found


def monday(at: datetime) -> date:
    year, week, _ = at.isocalendar()
    return date.fromisocalendar(year, week, 1)


def whole_weeks(orders: list[Happened], as_of: datetime) -> list[date]:
    weeks: list[date] = []
    week = min((monday(each.at) for each in orders), default=None)
    while week is not None and datetime(week.year, week.month, week.day, tzinfo=UTC) + timedelta(days=7) <= as_of:
        weeks.append(week)
        week += timedelta(days=7)
    return weeks


@settings(max_examples=12, deadline=None)
@given(histories, ends)
def test_weeks_and_revenue_are_those_of_counting(history: list[Happened], as_of: datetime):
    orders = counted(history, as_of)
    linked = [each for each in orders if each.customer is not None]
    bought: dict[date, set[int | None]] = defaultdict(set)
    for each in linked:
        bought[monday(each.at)].add(each.customer)
    growth: list[ask.Week] = []
    for week in whole_weeks(linked, as_of):
        here, last = bought[week], bought[week - timedelta(days=7)]
        ever = set().union(*(people for each, people in bought.items() if each < week))
        growth.append(
            ask.Week(week, len(here), len(here - ever), len(here & last), len((here & ever) - last), len(last - here))
        )
    sums: dict[tuple[date, str], list[Happened]] = defaultdict(list)
    for each in orders:
        sums[monday(each.at), each.currency].append(each)
    weeks = whole_weeks(orders, as_of)
    currencies = sorted({currency for week, currency in sums if week in weeks})
    weekly = [
        ask.WeekRevenue(week, currency, *summed(sums[week, currency])) for week in weeks for currency in currencies
    ]
    total = [
        ask.Revenue(currency, *summed([each for each in orders if each.currency == currency]))
        for currency in sorted({each.currency for each in orders})
    ]
    with lake_of(history) as tables:
        assert ask.weekly_growth(tables, as_of) == growth
        assert ask.weekly_revenue(tables, as_of) == weekly
        assert ask.revenue(tables, as_of) == total


def summed(orders: list[Happened]) -> tuple[int, int, int]:
    return sum(each.minor for each in orders), len(orders), sum(each.customer is None for each in orders)


@settings(max_examples=12, deadline=None)
@given(histories, ends)
def test_repeat_purchase_is_that_of_counting(history: list[Happened], as_of: datetime):
    months: dict[int, set[tuple[int, int]]] = defaultdict(set)
    orders: dict[int, int] = defaultdict(int)
    this_month = (as_of.year, as_of.month)
    for each in counted(history, as_of):
        if each.customer is not None:
            orders[each.customer] += 1
            if (each.at.year, each.at.month) < this_month:
                months[each.customer].add((each.at.year, each.at.month))
    expected: list[ask.Retention] = []
    for first in sorted({min(hers) for hers in months.values()}):
        cohort = [hers for hers in months.values() if min(hers) == first]
        month, after = first, 0
        while month < this_month:
            back = sum(month in hers for hers in cohort)
            expected.append(ask.Retention(date(*first, 1), after, back, len(cohort)))
            month, after = (month[0] + month[1] // 12, month[1] % 12 + 1), after + 1
    with lake_of(history) as tables:
        assert ask.monthly_retention(tables, as_of) == expected
        found = ask.repeat_purchase(tables, as_of)
        assert found == (len(orders), sum(count > 1 for count in orders.values()))
        assert 0 <= found.share <= 1


@settings(max_examples=12, deadline=None)
@given(crowded, ends, chains, st.integers(0, 5))
@example([event(MAILED, 0), event(ORDER, 3)], LATE, [MAILED, ORDER], 3)
@example([event(MAILED, 0), event(ORDER, 3)], LATE, [MAILED, ORDER], 2)
@example([event(MAILED, 1), event(ORDER, 1)], LATE, [MAILED, ORDER], 5)
@example([event(MAILED, 0), event(ORDER, 1), event(MAILED, 2), event(COUPON, 4)], LATE, [MAILED, ORDER, COUPON], 3)
def test_the_funnel_is_that_of_trying_every_chain(
    history: list[Happened], as_of: datetime, steps: list[str], within_days: int
):
    within = timedelta(days=within_days)

    def goes_on(hers: list[Happened], start: datetime, last: datetime, rest: list[str]) -> int:
        """The most further steps that any chain from here takes."""
        fits = [each for each in hers if rest and each.kind == rest[0] and last < each.at <= start + within]
        return max((1 + goes_on(hers, start, each.at, rest[1:]) for each in fits), default=0)

    reached: dict[int, int] = defaultdict(int)
    seen = [each for each in history if each.at < as_of]
    for customer in {each.customer for each in seen} - {None}:
        hers = [each for each in seen if each.customer == customer]
        starts = [each.at for each in hers if each.kind == steps[0]]
        reached[customer] = max((1 + goes_on(hers, at, at, steps[1:]) for at in starts), default=0)
    expected = [sum(count > n for count in reached.values()) for n in range(len(steps))]
    with lake_of(history) as tables:
        found = ask.purchase_funnel(tables, as_of, steps, within_days)
    assert found == [ask.FunnelStep(step, count) for step, count in zip(steps, expected, strict=True)]


moves = st.tuples(days, st.sampled_from(["b", "c"]), st.integers(0, 90), st.integers(0, 9), st.integers(0, 9))


@settings(max_examples=12, deadline=None)
@given(st.lists(moves, max_size=20), ends)
def test_points_of_days_are_those_of_counting(rows: list[Any], as_of: datetime):
    told: list[tuple[Any, ...]] = [
        ((BEGIN + timedelta(days=day)).date(), brand, "points", *points) for day, brand, *points in rows
    ]
    expected: list[ask.DayPoints] = []
    for day, brand in sorted({row[:2] for row in told if row[0] <= as_of.date()}):
        today = [row for row in told if row[:2] == (day, brand)]
        upto = [row for row in told if row[1] == brand and row[0] <= day]
        owed = sum(row[3] - row[4] - row[5] for row in upto)
        expected.append(ask.DayPoints(day, brand, "points", *(sum(row[n] for row in today) for n in (3, 4, 5)), owed))
    with filled(POINTS, told) as tables:
        assert ask.points_of_days(tables, as_of) == expected


def test_of_nothing_there_are_no_metrics(tmp_path: Path):
    with DeltaLake(tmp_path).open(1) as tables:
        for question in (ask.weekly_growth, ask.weekly_revenue, ask.revenue, ask.monthly_retention, ask.points_of_days):
            assert question(tables, BEGIN) == []
        assert ask.repeat_purchase(tables, BEGIN) == (0, 0)
        assert [step.customers for step in ask.purchase_funnel(tables, BEGIN)] == [0, 0, 0]
