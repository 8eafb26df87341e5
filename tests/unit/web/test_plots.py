"""What the script of charts is told: whole axes, parts that add up, and nothing that the table does not have."""

from datetime import UTC, date, datetime, timedelta

from keyuan.flows.console_insight import Wanted, cut, net, weekly_points
from keyuan.insight.answers import DayPoints, FunnelStep, Overview, Repeat, Retention, Revenue, Week, WeekRevenue
from keyuan.ledger import Totals
from keyuan.web.console.plots import Cell, Plot, Series, heat
from keyuan.web.pages.formats import Formats

MONDAY = date(2017, 10, 2)
AS_OF = datetime(2017, 12, 5, 10, tzinfo=UTC)
EN = Formats("en")


def plot(count: int = 2) -> Plot:
    return Plot([str(number) for number in range(count)], [f"tip {number}" for number in range(count)], EN.short)


def points(day: date, brand: str = "shop", **changed: int) -> DayPoints:
    return DayPoints(
        **{"issued": 0, "redeemed": 0, "expired": 0, "owed": 0} | changed, day=day, brand=brand, currency="points"
    )


def overview() -> Overview:
    weeks = [MONDAY + timedelta(weeks=number) for number in range(9)]
    return Overview(
        as_of=AS_OF,
        growth=[Week(week, 10 + number, 2, 8 + number, 0, 1) for number, week in enumerate(weeks)],
        weekly_revenue=[
            WeekRevenue(week, currency, 100 * (number + 1), 3, 1)
            for number, week in enumerate(weeks)
            for currency in ("EUR", "USD")
        ],
        revenue=[Revenue("EUR", 4_500, 27, 9), Revenue("USD", 4_500, 27, 9)],
        retention=[Retention(date(2017, 10, 1), 0, 8, 8), Retention(date(2017, 10, 1), 1, 6, 8)],
        repeat=Repeat(8, 6),
        funnel=[FunnelStep("order", 8)],
        points=[points(MONDAY, issued=5, owed=5), points(MONDAY, "club", issued=1, owed=1)],
        totals=Totals(points_issued=6, points_redeemed=0, points_expired=0, points_owed=6, awards=2),
        segments=[],
    )


def test_bars_stand_on_zero_and_lie_within_the_axis():
    drawn = plot().bars([Series("c1", [30, 10]), Series("c2", [20, 0]), Series("c0", [-12, -40])])
    assert drawn["bottom"] <= -40
    assert drawn["top"] >= 50
    assert -drawn["bottom"] % drawn["step"] == 0
    assert len(drawn["ticks"]) == (drawn["top"] - drawn["bottom"]) // drawn["step"] + 1
    assert "0" in drawn["ticks"]


def test_a_chart_of_nothing_still_has_an_axis():
    assert plot(0).line([])["ticks"] == ["0", "1"]
    assert plot().bars([Series("c1", [0, 0])])["top"] == 1
    assert heat([], [], [])["cells"] == []


def test_ticks_leave_out_decimals_that_are_all_zero():
    assert plot().line([0, 5_000_000])["ticks"][-1] == "5M"
    assert plot().line([0, 12_000])["ticks"][-1] == "12.5k"


def test_shades_of_a_heat_map_go_from_the_lowest_share_to_the_highest():
    drawn = heat(["1", "2"], ["Oct"], [Cell(0, 0, 0.9, "90%", "a"), Cell(1, 0, 0.4, "40%", "b")])
    assert drawn["cells"] == [[0, 0, 1.0, "90%"], [1, 0, 0.0, "40%"]]


def test_weeks_of_points_have_no_gap_and_end_before_the_running_one():
    days = [points(MONDAY, issued=5, owed=5), points(MONDAY + timedelta(6), redeemed=2, owed=3)]
    days += [points(MONDAY + timedelta(14), expired=1, owed=2), points(MONDAY + timedelta(21), issued=9, owed=11)]
    found = weekly_points(days, datetime(2017, 10, 25, tzinfo=UTC))
    assert [(row.issued, row.redeemed, row.expired, row.owed) for row in found] == [
        (5, 2, 0, 3),
        (0, 0, 0, 3),
        (0, 0, 1, 2),
    ]


def test_a_reading_is_cut_to_a_period_a_currency_and_a_book():
    found = cut(overview(), Wanted(weeks=4, currency="USD", book="shop.points"))
    assert len(found.weeks) == len(found.revenue) == len(found.points) == 4
    assert {row.currency for row in found.revenue} == {"USD"}
    assert found.owed == 5
    assert found.lately == (3_000, 1_400)
    assert found.month_after == 0.75
    assert found.retained_share == 16 / 17
    assert net(found.weeks[-1]) == 1


def test_a_currency_or_book_that_is_not_there_is_the_first_one():
    found = cut(overview(), Wanted(weeks=4, currency="ZZZ", book="'; --"))
    assert (found.currency, found.book) == ("EUR", "club.points")


def test_few_weeks_have_nothing_to_be_compared_with():
    short = overview()._replace(growth=[], weekly_revenue=[], retention=[], points=[])
    found = cut(short, Wanted(weeks=26))
    assert (found.retained_share, found.month_after, found.lately.before) == (None, None, None)
    assert (found.currency, found.book, found.owed) == ("", "", 0)
