"""The routes of the console: each asks one question in one transaction, and renders what it is told.

Deliberately not here: SQL and decisions (rooms and flows), who may come in (`guard`), geometry (`charts`).
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.flows.console_home import home
from keyuan.flows.console_ledger import ledger_page
from keyuan.flows.console_people import people, person, search
from keyuan.flows.console_segments import save_segment, segment_list, segment_page
from keyuan.ledger.explorer import Filters
from keyuan.ledger.model import Kind
from keyuan.segments.rules import RuleError
from keyuan.web.console import addresses, charts
from keyuan.web.console.campaigns import Campaigns, table_of
from keyuan.web.console.desk import Desk
from keyuan.web.console.guard import Guard, Visit
from keyuan.web.console.insight import InsightPages
from keyuan.web.console.live import Live
from keyuan.web.console.words import BY_NAME, KINDS
from keyuan.web.pages.i18n import LANGUAGES, language_of, translator
from keyuan.web.pages.render import redirect
from keyuan.web.streams import Streams

FEW_WEEKS = 12


class Console:
    """The console of one tenant."""

    def __init__(
        self, database: Database, secrets: Secrets, tenant: int, now: Callable[[], datetime], streams: Streams
    ) -> None:
        self._desk = Desk(database, secrets, tenant, now, Guard(database, tenant, now))
        self._live = Live(self._desk, streams)

    def routes(self) -> list[Route]:
        """Return all routes, in both languages."""
        desk = self._desk
        found = [Route("/", _to_console, methods=["GET"])]
        found += [*desk.guard.routes(), *self._live.routes(), *InsightPages(desk).routes(), *Campaigns(desk).routes()]
        for language in LANGUAGES:
            base = f"/{language}/console"
            found += [
                Route(base, desk.page(self._home), methods=["GET"]),
                Route(f"{base}/people", desk.page(self._people), methods=["GET"]),
                Route(f"{base}/people/{{person}}", desk.page(self._person), methods=["GET"]),
                Route(f"{base}/segments", desk.page(self._segments), methods=["GET"]),
                Route(f"{base}/segments/{{name}}", desk.page(self._segment), methods=["GET"]),
                Route(f"{base}/segments/{{name}}", desk.page(self._save), methods=["POST"]),
                Route(f"{base}/segments/{{name}}/try", desk.page(self._try), methods=["GET"]),
                Route(f"{base}/ledger", desk.page(self._ledger), methods=["GET"]),
                Route(f"{base}/{{rest:path}}", desk.page(self._nothing), methods=["GET"]),
            ]
        return found

    async def _home(self, request: Request, visit: Visit) -> Response:
        desk = self._desk
        around, told = await desk.ask(lambda session: home(session, desk.kept, desk.now()))
        weeks = told.figures.activity.weeks
        wide = charts.week_chart(weeks, 700, 290, 5 if len(weeks) > FEW_WEEKS else 2)
        narrow = charts.week_chart(weeks[-FEW_WEEKS:], 340, 270, 3)
        context: dict[str, Any] = {
            "home": told,
            "charts": (("wide", wide), ("narrow", narrow)),
            "currency": _currency(told.programmes),
        }
        words = desk.words(request, context["currency"]).words
        context |= table_of(words, told.campaigns, [each.segment for each in told.segments])
        return desk.shown(request, visit, around, "home", context)

    async def _people(self, request: Request, visit: Visit) -> Response:
        desk = self._desk
        words = request.query_params.get("q", "").strip()[:200]
        if words:
            around, found = await desk.ask(lambda session: search(session, desk.secrets, words))
            if len(found) == 1:
                return redirect(f"/{language_of(request)}/console/people/{found[0]}")
            nobody: dict[str, Any] = {"query": words, "found": found, "people": None}
            return desk.shown(request, visit, around, "people", nobody)
        before, after = addresses.code(request, "before"), addresses.code(request, "after")
        around, told = await desk.ask(lambda session: people(session, desk.secrets, before=before, after=after))
        context: dict[str, Any] = {"query": "", "found": [], "people": told, "traits": BY_NAME}
        return desk.shown(request, visit, around, "people", context)

    async def _person(self, request: Request, visit: Visit) -> Response:
        desk = self._desk
        who = _code(request.path_params["person"])
        around, told = await desk.ask(lambda session: person(session, desk.secrets, desk.kept, who, desk.now()))
        portrait = told.portrait
        context = {
            "told": told,
            "traits": {} if portrait is None else {trait.name: value for trait, value in portrait.traits},
            "catalogue": BY_NAME,
            "year": charts.year_chart(told.weeks),
            "hours": None if portrait is None else charts.hour_map(portrait.pattern),
            "lots": charts.lot_chart(told.points.months) if told.points and told.points.months else None,
        }
        return desk.shown(request, visit, around, "person", context, currency=told.currency)

    async def _segments(self, request: Request, visit: Visit) -> Response:
        desk = self._desk
        around, told = await desk.ask(lambda session: segment_list(session, desk.now()))
        said = desk.words(request, "USD")
        rules = {each.segment.name: said.sentence(each.segment.rule) for each in told.segments}
        return desk.shown(request, visit, around, "segments", {"told": told, "said": rules})

    async def _segment(self, request: Request, visit: Visit) -> Response:
        desk = self._desk
        name, rule = request.path_params["name"], request.query_params.get("rule")
        around, told = await desk.ask(lambda session: segment_page(session, desk.kept, name, rule, desk.now()))
        context = {"told": told, "draft": told.segment.rule if rule is None else rule, "traits": BY_NAME,
                   "saved": request.query_params.get("saved") == "1"}  # fmt: skip
        return desk.shown(request, visit, around, "segment", context)

    async def _try(self, request: Request, visit: Visit) -> Response:
        """Return what a rule means, for the editor to put beside it."""
        desk = self._desk
        name, rule = request.path_params["name"], request.query_params.get("rule", "")
        around, told = await desk.ask(lambda session: segment_page(session, desk.kept, name, rule, desk.now()))
        context = {"told": told, "draft": rule, "traits": BY_NAME}
        return desk.shown(request, visit, around, "tried", context)

    async def _save(self, request: Request, visit: Visit) -> Response:
        desk = self._desk
        form = await desk.guard.form(request)
        name, rule, before = request.path_params["name"], form.get("rule", "").strip(), form.get("before", "")
        address = f"/{language_of(request)}/console/segments/{name}"

        try:
            await desk.act(
                visit, "segment.saved", name, lambda session: save_segment(session, name, rule, before, desk.now())
            )
        except RuleError:
            return redirect(addresses.with_query(address, rule=rule))
        return redirect(addresses.with_query(address, saved=1))

    async def _ledger(self, request: Request, visit: Visit) -> Response:
        desk = self._desk
        kind = addresses.number(request, "kind")
        last = addresses.day(request, "to")
        filters = Filters(
            before=addresses.number(request, "before"),
            kind=Kind(kind) if kind in set(Kind) else None,
            account=addresses.number(request, "account"),
            since=addresses.day(request, "from"),
            until=addresses.after(last),
        )
        number = addresses.number(request, "no")
        around, told = await desk.ask(lambda session: ledger_page(session, filters, number, desk.now()))
        sums = told.sums
        whole = charts.parts(
            [
                (sums.available, "f1"),
                (sums.held, "f2"),
                (sums.redeemed, "f3"),
                (sums.clawed_back, "fx"),
                (sums.expired, "f0"),
            ]
        )
        context = {"told": told, "filters": filters, "last": last, "parts_of_whole": whole,
                   "kind_choices": self._kinds(request, filters.kind)}  # fmt: skip
        return desk.shown(request, visit, around, "ledger", context)

    def _kinds(self, request: Request, chosen: Kind | None) -> list[tuple[str, str, bool]]:
        """Return the choices of the filter of kinds: name, address, whether it is chosen."""
        words = translator(language_of(request))
        change = partial(addresses.changed, request, before=None, no=None)
        names: list[tuple[Kind | None, str]] = [(None, "All"), *KINDS.items()]
        return [(words.gettext(name), change(kind=kind and int(kind)), kind == chosen) for kind, name in names]

    async def _nothing(self, _request: Request, _visit: Visit) -> Response:
        raise HTTPException(404)


def _currency(programmes: Any) -> str:
    return programmes[0].money_currency if programmes else "USD"


def _code(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as wrong:
        raise HTTPException(404) from wrong


async def _to_console(request: Request) -> Response:
    return redirect(f"/{language_of(request)}/console")
