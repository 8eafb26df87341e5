"""What customers of an experiment did is what counting one by one gives, to the microsecond at a window's edges."""

from datetime import datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyuan.insight.per_customer import CustomerFigures, Window, customer_figures
from keyuan.insight.tables import MAILED, ORDER
from property.test_metrics_agree import BEGIN, Happened, counted, lake_of

TICK, DAY, WEEK = timedelta(microseconds=1), timedelta(days=1), timedelta(days=7)
START = BEGIN + 30 * DAY
"""Where one window ends and the next begins."""
NEXT = Window(START, START + 3 * WEEK + 2 * DAY)
LAST = Window(START - 3 * WEEK - 2 * DAY, START)
EDGES = [*NEXT, *LAST, START + WEEK, START + 2 * WEEK, LAST.from_at + WEEK]
ARMS = {-2: "held", -1: "held", 0: "treated", 1: "treated", 9: "treated"}


def later(at: datetime, days: int, ticks: int) -> datetime:
    return at + days * DAY + ticks * TICK


near = st.builds(later, st.sampled_from(EDGES), st.just(0), st.integers(-1, 1))
anywhere = st.builds(later, st.just(BEGIN), st.integers(0, 70), st.integers(0, 2))
happened = st.builds(
    Happened,
    st.sampled_from([ORDER, ORDER, ORDER, MAILED]),
    st.one_of(st.none(), st.integers(-2, 3)),
    st.one_of(near, anywhere),
    st.integers(1, 12),
    st.sampled_from(["CNY", "CNY", "USD"]),
    st.integers(0, 10**12),
)
histories = st.lists(happened, min_size=5, max_size=40)


def asked(history: list[Happened], arms: dict[int, str], now: Window = NEXT) -> list[CustomerFigures]:
    with lake_of(history) as tables:
        return customer_figures(tables, arms, now, LAST, "CNY")


def of_one(orders: list[Happened], window: Window) -> tuple[int, int, int]:
    """Orders, money in CNY, and weeks of one customer, by looking at each order."""
    inside = [each for each in orders if window.from_at <= each.at < window.until_at]
    weeks = {(each.at - window.from_at) // WEEK for each in inside}
    return len(inside), sum(each.minor for each in inside if each.currency == "CNY"), len(weeks)


def ordered(customer: int, *instants: datetime) -> list[Happened]:
    return [Happened(ORDER, customer, at, number, "CNY", 1) for number, at in enumerate(instants, 1)]


@settings(max_examples=25, deadline=None)
@given(histories)
@example(ordered(1, NEXT.from_at - TICK, NEXT.from_at, NEXT.until_at - TICK, NEXT.until_at))
@example(ordered(1, START + WEEK - TICK, START + WEEK, START + 2 * WEEK))
@example([])
def test_orders_money_and_weeks_are_those_of_counting(history: list[Happened]):
    orders = counted(history, NEXT.until_at)
    expected: list[CustomerFigures] = []
    for customer, arm in ARMS.items():
        hers = [each for each in orders if each.customer == customer]
        expected.append(CustomerFigures(customer, arm, *of_one(hers, NEXT), *of_one(hers, LAST)))
    assert asked(history, ARMS) == expected


@settings(max_examples=5, deadline=None)
@given(histories)
def test_somebody_without_orders_adds_her_zeros_and_changes_nobody(history: list[Happened]):
    without = asked(history, ARMS)
    assert asked(history, ARMS | {77: "held"}) == [*without, CustomerFigures(77, "held", 0, 0, 0, 0, 0, 0)]
    assert asked(history, {customer: arm for customer, arm in ARMS.items() if customer > 0}) == without[3:]


@settings(max_examples=5, deadline=None)
@given(histories, near)
def test_a_window_that_ends_sooner_forgets_what_came_after(history: list[Happened], at: datetime):
    ends = min(max(NEXT.from_at, at), NEXT.until_at)
    sooner = [each for each in history if each.at < ends]
    assert asked(history, ARMS, NEXT._replace(until_at=ends)) == asked(sooner, ARMS)


def test_an_order_told_twice_counts_where_it_was_told_first():
    first = Happened(ORDER, 1, START + DAY, 5, "CNY", 100)
    again = first._replace(at=START - DAY)
    assert asked([first, again], {1: "treated"}) == [CustomerFigures(1, "treated", 1, 100, 1, 0, 0, 0)]
    assert asked([again, first], {1: "treated"}) == [CustomerFigures(1, "treated", 0, 0, 0, 1, 100, 1)]


def test_nobody_is_nobody():
    assert asked(ordered(1, START), {}) == []
