"""The page of insight: one kept reading, cut to a period, as charts that can be swapped for their tables.

Every choice stands in the address. Deliberately not here: what a metric is (`insight`), and drawing (`plots`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.flows.console_insight import Insight, Wanted, insight, net
from keyuan.kernel.sentences import mark
from keyuan.web.console import addresses
from keyuan.web.console.desk import Desk
from keyuan.web.console.guard import Visit
from keyuan.web.console.plots import Cell, Plot, Series, heat
from keyuan.web.console.words import Words
from keyuan.web.pages.built import is_built
from keyuan.web.pages.i18n import LANGUAGES

PERIODS: Final = (13, 26, 52)
_PERIOD: Final = 26
_CARDS: Final = ("active", "growth", "retention", "revenue", "flow", "owed")
"""The charts that a script draws, each of which can be seen as a table."""


@dataclass(frozen=True, slots=True)
class InsightPages:
    """The page of insight of one console."""

    desk: Desk

    def routes(self) -> list[Route]:
        """Return the routes, in both languages."""
        return [
            Route(f"/{language}/console/insight", self.desk.page(self._insight), methods=["GET"])
            for language in LANGUAGES
        ]

    async def _insight(self, request: Request, visit: Visit) -> Response:
        weeks = addresses.number(request, "weeks")
        query = request.query_params
        wanted = Wanted(weeks if weeks in PERIODS else _PERIOD, query.get("currency", ""), query.get("book", ""))
        around, told = await self.desk.ask(lambda session: insight(session, wanted, self.desk.now()))
        context: dict[str, Any] = {"told": told}
        if told is not None:
            said = self.desk.words(request, told.currency or "USD").words
            tables = _tables(request)
            context |= {
                "plots": _plots(told, said),
                "rows": _rows(told, said),
                "drawn": is_built("charts.js"),
                "tables": tables if is_built("charts.js") else frozenset(_CARDS),
                "swap": partial(_swapped, request, tables),
                "change": partial(_change, said),
                "period": wanted.weeks,
                "periods": _periods(request, said, wanted.weeks),
                "currencies": _choices(request, "currency", told.currencies, told.currency),
                "books": _choices(request, "book", told.books, told.book),
                "currency": told.currency or "USD",
            }
        return self.desk.shown(request, visit, around, "insight", context)


def _tables(request: Request) -> frozenset[str]:
    """Return the charts that are to be seen as tables."""
    return frozenset(request.query_params.get("table", "").split(".")) & frozenset(_CARDS)


def _swapped(request: Request, tables: frozenset[str], name: str) -> str:
    """Return the address with one chart swapped for its table, or back."""
    kept = sorted(tables ^ {name})
    return addresses.changed(request, table=".".join(kept) or None)


def _periods(request: Request, said: Words, chosen: int) -> list[tuple[str, str, bool]]:
    last = said.text(mark("last %(n)s weeks"))
    return [(last % {"n": each}, addresses.changed(request, weeks=each), each == chosen) for each in PERIODS]


def _change(said: Words, now: int, before: int, compared: str) -> Markup:
    """Say how a figure differs from an earlier one."""
    sign = "+" if now > before else ""
    return Markup("{} <b>{}{}</b>").format(compared, sign, said.say.share((now - before) / before))


def _rows(told: Insight, said: Words) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the tables of weeks show, as the charts do."""
    say = said.say
    return {
        "active": [(week.week, say.number(week.active)) for week in told.weeks],
        "growth": [
            (
                week.week,
                say.signed(week.new),
                say.signed(week.resurrected),
                say.signed(-week.churned),
                say.signed(net(week)),
            )
            for week in told.weeks
        ],
        "revenue": [
            (
                row.week,
                say.money(row.revenue_minor, row.currency),
                say.number(row.orders),
                say.number(row.unlinked_orders),
            )
            for row in told.revenue
        ],
        "flow": [
            (row.week, say.signed(row.issued), say.signed(-row.redeemed), say.signed(-row.expired))
            for row in told.points
        ],
        "owed": [(row.week, say.number(row.owed)) for row in told.points],
    }


def _choices(request: Request, name: str, choices: Sequence[str], chosen: str) -> list[tuple[str, str, bool]]:
    """Return the choices of a filter; none where there is nothing to choose."""
    found = [(each, addresses.changed(request, **{name: each}), each == chosen) for each in choices]
    return found if len(found) > 1 else []


def _plots(told: Insight, said: Words) -> dict[str, dict[str, Any]]:
    return _customers(told, said) | _sums(told, said) | {"retention": _retention(told, said)}


def _customers(told: Insight, said: Words) -> dict[str, dict[str, Any]]:
    say, weeks = said.say, told.weeks
    labels = [say.tick(week.week) for week in weeks]
    heads = [said.text(mark("Week of %(day)s")) % {"day": say.full_day(week.week)} for week in weeks]
    nets = [net(week) for week in weeks]
    came = [
        _tip(head, (said.text(mark("Customers")), say.number(week.active)))
        for head, week in zip(heads, weeks, strict=True)
    ]
    moves = [
        _tip(
            head,
            (said.text(mark("First time")), say.signed(week.new)),
            (said.text(mark("Back after a gap")), say.signed(week.resurrected)),
            (said.text(mark("Did not come again")), say.signed(-week.churned)),
            (said.text(mark("Net")), say.signed(total)),
        )
        for head, week, total in zip(heads, weeks, nets, strict=True)
    ]
    parts = [
        Series("c3", [week.resurrected for week in weeks]),
        Series("c1", [week.new for week in weeks]),
        Series("c0", [-week.churned for week in weeks]),
    ]
    return {
        "active": Plot(labels, came, say.number).line([week.active for week in weeks]),
        "growth": Plot(labels, moves, say.number).bars(parts, nets),
    }


def _sums(told: Insight, said: Words) -> dict[str, dict[str, Any]]:
    say, money = said.say, partial(said.say.money_short, currency=told.currency or "USD")
    sold = [
        _tip(
            said.text(mark("Week of %(day)s")) % {"day": say.full_day(row.week)},
            (said.text(mark("Revenue")), say.money(row.revenue_minor, row.currency)),
            (said.text(mark("Orders")), say.number(row.orders)),
        )
        for row in told.revenue
    ]
    points = [
        _tip(
            said.text(mark("Week of %(day)s")) % {"day": say.full_day(row.week)},
            (said.text(mark("Points issued")), say.signed(row.issued)),
            (said.text(mark("Points redeemed")), say.signed(-row.redeemed)),
            (said.text(mark("Points expired")), say.signed(-row.expired)),
            (said.text(mark("Owed at its end")), say.number(row.owed)),
        )
        for row in told.points
    ]
    flow = [
        Series("c2", [row.issued for row in told.points]),
        Series("c1", [-row.redeemed for row in told.points]),
        Series("c0", [-row.expired for row in told.points]),
    ]
    weeks = [say.tick(row.week) for row in told.points]
    return {
        "revenue": Plot([say.tick(row.week) for row in told.revenue], sold, money).line(
            [row.revenue_minor for row in told.revenue]
        ),
        "flow": Plot(weeks, points, say.short).bars(flow),
        "owed": Plot(weeks, points, say.short).line([row.owed for row in told.points]),
    }


def _retention(told: Insight, said: Words) -> dict[str, Any]:
    say = said.say
    months = sorted({row.first_month for row in told.retention})
    rows = [row for row in told.retention if row.months_after]
    cells = [
        Cell(
            row.months_after - 1,
            months.index(row.first_month),
            row.share,
            f"{row.share:.0%}",
            _tip(
                said.text(mark("First order in %(month)s")) % {"month": say.year_month(row.first_month)},
                (said.text(mark("Month %(n)s after")) % {"n": row.months_after}, say.share(row.share)),
                (said.text(mark("Customers")), f"{say.number(row.customers)} / {say.number(row.size)}"),
            ),
        )
        for row in rows
    ]
    columns = [str(after) for after in range(1, max((row.months_after for row in rows), default=0) + 1)]
    shown = [month for month in months if any(row.first_month == month for row in rows)]
    return heat(columns, [say.month(month) for month in shown], cells)


def _tip(head: str, *lines: tuple[str, str]) -> str:
    """Return what the pointer tells: a line of what it is of, and one for each value."""
    return "\n".join([head, *(f"{name}  {value}" for name, value in lines)])
