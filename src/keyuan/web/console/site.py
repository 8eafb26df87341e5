"""The routes of the console: each asks one question in one transaction, and renders what it is told.

Deliberately not here: SQL and decisions (rooms and flows), who may come in (`guard`), geometry (`charts`).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan import staff
from keyuan.engines.database import Database, Session
from keyuan.engines.secrets import Secrets
from keyuan.flows.console_frame import Frame, frame
from keyuan.flows.console_home import home
from keyuan.flows.console_kept import Kept
from keyuan.flows.console_ledger import ledger_page
from keyuan.flows.console_people import people, person, search
from keyuan.flows.console_segments import save_segment, segment_list, segment_page
from keyuan.kernel.errors import ConflictError, EngineError, InputError, MissingError
from keyuan.ledger.explorer import Filters
from keyuan.ledger.model import Kind
from keyuan.segments.rules import RuleError
from keyuan.web.console import addresses, charts
from keyuan.web.console.guard import Guard, Visit
from keyuan.web.console.rule_words import RuleWords
from keyuan.web.console.words import BY_NAME, KINDS, Words
from keyuan.web.pages.formats import Formats
from keyuan.web.pages.i18n import LANGUAGES, language_of, translator
from keyuan.web.pages.render import page, redirect

READS_AT_ONCE = 6
FEW_WEEKS = 12
Told = TypeVar("Told")
Page = Callable[[Request, Visit], Awaitable[Response]]


class Console:
    """The console of one tenant."""

    def __init__(self, database: Database, secrets: Secrets, tenant: int, now: Callable[[], datetime]) -> None:
        self._database, self._secrets, self._tenant, self._now = database, secrets, tenant, now
        self._kept = Kept()
        self._guard = Guard(database, tenant, now)
        self._reads: CapacityLimiter | None = None

    def routes(self) -> list[Route]:
        """Return all routes, in both languages."""
        found = [Route("/", _to_console, methods=["GET"])]
        found += self._guard.routes()
        for language in LANGUAGES:
            base = f"/{language}/console"
            found += [
                Route(base, self._page(self._home), methods=["GET"]),
                Route(f"{base}/people", self._page(self._people), methods=["GET"]),
                Route(f"{base}/people/{{person}}", self._page(self._person), methods=["GET"]),
                Route(f"{base}/segments", self._page(self._segments), methods=["GET"]),
                Route(f"{base}/segments/{{name}}", self._page(self._segment), methods=["GET"]),
                Route(f"{base}/segments/{{name}}", self._page(self._save), methods=["POST"]),
                Route(f"{base}/segments/{{name}}/try", self._page(self._try), methods=["GET"]),
                Route(f"{base}/ledger", self._page(self._ledger), methods=["GET"]),
                Route(f"{base}/{{rest:path}}", self._page(self._nothing), methods=["GET"]),
            ]
        return found

    def _page(self, handler: Page) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler behind the sign-in; what it cannot show is said on a page too."""

        async def shown(request: Request, visit: Visit) -> Response:
            try:
                return await handler(request, visit)
            except HTTPException as error:
                return self._fault(request, visit, error.status_code)
            except MissingError:
                return self._fault(request, visit, 404)
            except ConflictError:
                return self._fault(request, visit, 409)
            except InputError:
                return self._fault(request, visit, 400)
            except EngineError:
                return self._fault(request, visit, 503)

        return self._guard.behind(shown)

    def _fault(self, request: Request, visit: Visit, status: int) -> Response:
        context = {"visit": visit, "frame": None, "section": "", "status": status}
        return page(request, "console/fault.html", context, status=status)

    async def _ask(self, question: Callable[[Session], Told]) -> tuple[Frame, Told]:
        """Ask in one snapshot, with what stands around the page."""

        def asked() -> tuple[Frame, Told]:
            with self._database.transaction(self._tenant, snapshot=True) as session:
                return frame(session), question(session)

        if self._reads is None:
            self._reads = CapacityLimiter(READS_AT_ONCE)
        return await run_sync(asked, limiter=self._reads)

    async def _home(self, request: Request, visit: Visit) -> Response:
        around, told = await self._ask(lambda session: home(session, self._kept, self._now()))
        weeks = told.activity.weeks
        wide = charts.week_chart(weeks, 700, 290, 5 if len(weeks) > FEW_WEEKS else 2)
        narrow = charts.week_chart(weeks[-FEW_WEEKS:], 340, 270, 3)
        context = {"home": told, "charts": (("wide", wide), ("narrow", narrow)), "currency": _currency(told.programmes)}
        return self._shown(request, visit, around, "home", context)

    async def _people(self, request: Request, visit: Visit) -> Response:
        words = request.query_params.get("q", "").strip()[:200]
        if words:
            around, found = await self._ask(lambda session: search(session, self._secrets, words))
            if len(found) == 1:
                return redirect(f"/{language_of(request)}/console/people/{found[0]}")
            nobody: dict[str, Any] = {"query": words, "found": found, "people": None}
            return self._shown(request, visit, around, "people", nobody)
        before, after = addresses.code(request, "before"), addresses.code(request, "after")
        around, told = await self._ask(lambda session: people(session, self._secrets, before=before, after=after))
        context: dict[str, Any] = {"query": "", "found": [], "people": told, "traits": BY_NAME}
        return self._shown(request, visit, around, "people", context)

    async def _person(self, request: Request, visit: Visit) -> Response:
        who = _code(request.path_params["person"])
        around, told = await self._ask(lambda session: person(session, self._secrets, self._kept, who, self._now()))
        portrait = told.portrait
        context = {
            "told": told,
            "traits": {} if portrait is None else {trait.name: value for trait, value in portrait.traits},
            "catalogue": BY_NAME,
            "year": charts.year_chart(told.weeks),
            "hours": None if portrait is None else charts.hour_map(portrait.pattern),
            "lots": charts.lot_chart(told.points.months) if told.points and told.points.months else None,
        }
        return self._shown(request, visit, around, "person", context, currency=told.currency)

    async def _segments(self, request: Request, visit: Visit) -> Response:
        around, told = await self._ask(lambda session: segment_list(session, self._now()))
        said = self._words(request, "USD")
        rules = {each.segment.name: said.sentence(each.segment.rule) for each in told.segments}
        return self._shown(request, visit, around, "segments", {"told": told, "said": rules})

    async def _segment(self, request: Request, visit: Visit) -> Response:
        name, rule = request.path_params["name"], request.query_params.get("rule")
        around, told = await self._ask(lambda session: segment_page(session, self._kept, name, rule, self._now()))
        context = {"told": told, "draft": told.segment.rule if rule is None else rule, "traits": BY_NAME,
                   "saved": request.query_params.get("saved") == "1"}  # fmt: skip
        return self._shown(request, visit, around, "segment", context)

    async def _try(self, request: Request, visit: Visit) -> Response:
        """Return what a rule means, for the editor to put beside it."""
        name, rule = request.path_params["name"], request.query_params.get("rule", "")
        around, told = await self._ask(lambda session: segment_page(session, self._kept, name, rule, self._now()))
        context = {"told": told, "draft": rule, "traits": BY_NAME}
        return self._shown(request, visit, around, "tried", context)

    async def _save(self, request: Request, visit: Visit) -> Response:
        form = await self._guard.form(request)
        name, rule, before = request.path_params["name"], form.get("rule", "").strip(), form.get("before", "")
        address = f"/{language_of(request)}/console/segments/{name}"

        def saved() -> None:
            with self._database.transaction(self._tenant) as session:
                save_segment(session, name, rule, before, self._now())
                staff.note(session, self._now(), visit.member.account, "segment.saved", name)

        try:
            await run_sync(saved)
        except RuleError:
            return redirect(addresses.with_query(address, rule=rule))
        return redirect(addresses.with_query(address, saved=1))

    async def _ledger(self, request: Request, visit: Visit) -> Response:
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
        around, told = await self._ask(lambda session: ledger_page(session, filters, number, self._now()))
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
        return self._shown(request, visit, around, "ledger", context)

    def _kinds(self, request: Request, chosen: Kind | None) -> list[tuple[str, str, bool]]:
        """Return the choices of the filter of kinds: name, address, whether it is chosen."""
        words = translator(language_of(request))
        change = partial(addresses.changed, request, before=None, no=None)
        names: list[tuple[Kind | None, str]] = [(None, "All"), *KINDS.items()]
        return [(words.gettext(name), change(kind=kind and int(kind)), kind == chosen) for kind, name in names]

    async def _nothing(self, _request: Request, _visit: Visit) -> Response:
        raise HTTPException(404)

    def _words(self, request: Request, currency: str) -> RuleWords:
        language = language_of(request)
        return RuleWords(Words(translator(language), Formats(language), currency))

    def _shown(
        self, request: Request, visit: Visit, around: Frame, name: str, context: dict[str, Any], currency: str = "USD"
    ) -> Response:
        said = self._words(request, context.get("currency", currency))
        given: dict[str, Any] = {
            "visit": visit,
            "frame": around,
            "section": {"person": "people", "segment": "segments"}.get(name, name),
            "words": said.words,
            "rule_words": said,
            "address": partial(addresses.changed, request),
        }
        return page(request, f"console/{name}.html", given | context)


def _currency(programmes: Any) -> str:
    return programmes[0].money_currency if programmes else "USD"


def _code(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as wrong:
        raise HTTPException(404) from wrong


async def _to_console(request: Request) -> Response:
    return redirect(f"/{language_of(request)}/console")
