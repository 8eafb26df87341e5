"""The routes of campaigns: list, draft, checks, launch, report, delivery, design, and ending one.

What changes something asks for a form of our own page, names what it does to how many people before, and is written
into the audit trail in the same transaction. Deliberately not here: SQL and decisions (flows), words
(`campaign_words`), reading a form (`campaign_form`).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.campaigns import MessageState, State, lock
from keyuan.engines.database import Session
from keyuan.flows import console_campaigns as flows
from keyuan.flows.campaign_draft import delete_draft
from keyuan.flows.campaign_launch import launch_within
from keyuan.flows.console_campaigns import Draft, Row, Running
from keyuan.flows.console_frame import Frame
from keyuan.flows.console_reading import Range, Reading
from keyuan.kernel.errors import RefusedError
from keyuan.segments import Segment
from keyuan.web.console import charts
from keyuan.web.console.addresses import with_query
from keyuan.web.console.campaign_form import Choices, Filled, blank, filled, outlook, today_of, values_of
from keyuan.web.console.campaign_words import CampaignWords
from keyuan.web.console.desk import Desk
from keyuan.web.console.guard import Visit
from keyuan.web.console.intervals import Estimate, IntervalPlot, interval_plot
from keyuan.web.console.words import Words
from keyuan.web.pages.i18n import LANGUAGES, language_of
from keyuan.web.pages.render import redirect

STATES: Final = (
    MessageState.SENT,
    MessageState.QUEUED,
    MessageState.SENDING,
    MessageState.WITHHELD,
    MessageState.FAILED,
)


class _LaunchedBeforeError(RefusedError):
    """Somebody launched it before; there is nothing to do, and nothing to note."""


class Campaigns:
    """The pages of campaigns of one tenant."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Return all routes, in both languages."""
        found: list[Route] = []
        for language in LANGUAGES:
            base = f"/{language}/console/campaigns"
            one = f"{base}/{{name:str}}"
            found += [
                self._route(base, self._list),
                self._route(f"{base}/new", self._new),
                self._route(f"{base}/new", self._keep, "POST"),
                self._route(f"{base}/try", self._try),
                self._route(one, self._one),
                self._route(f"{one}/edit", self._new),
                self._route(f"{one}/edit", self._keep, "POST"),
                self._route(f"{one}/delete", self._delete, "POST"),
                self._route(f"{one}/launch", self._launch, "POST"),
                self._route(f"{one}/delivery", self._delivery),
                self._route(f"{one}/design", self._design),
                self._route(f"{one}/end", self._end, "POST"),
            ]
        return found

    def _route(self, path: str, handler: Callable[[Request, Visit], Any], method: str = "GET") -> Route:
        return Route(path, self._desk.page(handler), methods=[method])

    async def _list(self, request: Request, visit: Visit) -> Response:
        around, told = await self._desk.ask(lambda session: flows.campaign_list(session, self._desk.now()))
        words = self._desk.words(request, "USD").words
        context = {"told": told, "now": told.now} | table_of(words, told.rows, told.segments.values())
        return self._shown(request, visit, around, "campaigns", context)

    async def _new(self, request: Request, visit: Visit) -> Response:
        """Show the form: empty, or with a draft that is there."""
        around, frame = await self._desk.ask(partial(self._frame, name=request.path_params.get("name")))
        choices = _choices(frame)
        values = values_of(*frame.draft) if frame.draft else blank(choices, request.query_params.get("segment", ""))
        return self._form(request, visit, around, frame, Filled(values, {}, None))

    async def _try(self, request: Request, visit: Visit) -> Response:
        """Return what a form says so far, for the script to put in its places; faults of empty fields wait."""
        around, frame = await self._desk.ask(partial(self._frame, name=None))
        form = filled(request.query_params, _choices(frame))
        faults = {name: fault for name, fault in form.faults.items() if form.values[name]}
        return self._form(request, visit, around, frame, Filled(form.values, faults, None), "campaign_tried")

    async def _keep(self, request: Request, visit: Visit) -> Response:
        given, name = await self._desk.guard.form(request), request.path_params.get("name")
        around, frame = await self._desk.ask(partial(self._frame, name=name))
        form = filled(given, _choices(frame))
        plan = form.plan
        if plan is None:
            return self._form(request, visit, around, frame, form, status=400)

        def keep(session: Session) -> str:
            return flows.keep_plan(session, plan, name, self._desk.now())

        kept = await self._desk.act(visit, "campaign.saved", name, keep)
        return redirect(with_query(self._address(request, kept), saved=1))

    def _frame(self, session: Session, name: str | None) -> flows.Frame:
        return flows.form_frame(session, name, self._desk.now())

    def _form(
        self,
        request: Request,
        visit: Visit,
        around: Frame,
        frame: flows.Frame,
        form: Filled,
        template: str = "campaign_form",
        status: int = 200,
    ) -> Response:
        sizes = {each.segment.name: each.size for each in frame.segments}
        context = {
            "told": frame,
            "name": frame.draft[0].name if frame.draft else None,
            "filled": form,
            "outlook": outlook(form.values, sizes, _choices(frame)),
            "currency": frame.currency,
        }
        answer = self._shown(request, visit, around, template, context)
        answer.status_code = status
        return answer

    async def _one(self, request: Request, visit: Visit) -> Response:
        around, told = await self._ask_one(request)
        if isinstance(told, Draft):
            return self._draft(request, visit, around, told)
        reading = told.reading
        net = told.worth.net_minor if told.worth else None
        context = self._of_campaign(request, told) | {
            "axis": _of_reading(reading) if reading else None,
            "gain_axis": interval_plot([_estimate(net)]),
            "advice": "nobody_treated" if told.campaign.nobody_treated else reading.kind if reading else "too_early",
            "launched": request.query_params.get("launched") == "1",
        }
        return self._shown(request, visit, around, "campaign_report", context)

    def _draft(
        self, request: Request, visit: Visit, around: Frame, told: Draft, refused: RefusedError | None = None
    ) -> Response:
        context = self._of_campaign(request, told) | {
            "saved": request.query_params.get("saved") == "1",
            "asked": refused is None and told.is_ready and request.query_params.get("ask") == "launch",
            "refused": refused,
        }
        answer = self._shown(request, visit, around, "campaign_draft", context)
        answer.status_code = 200 if refused is None else 409
        return answer

    async def _launch(self, request: Request, visit: Visit) -> Response:
        await self._desk.guard.form(request)
        name = request.path_params["name"]

        def launched(session: Session) -> None:
            if lock(session, name).state is not State.DRAFT:
                raise _LaunchedBeforeError
            launch_within(session, self._desk.secrets, name)

        try:
            await self._desk.act(visit, "campaign.launched", name, launched)
        except _LaunchedBeforeError:
            return redirect(self._address(request, name))
        except RefusedError as refused:
            around, told = await self._ask_one(request)
            if not isinstance(told, Draft):
                raise
            return self._draft(request, visit, around, told, refused)
        return redirect(with_query(self._address(request, name), launched=1))

    async def _delete(self, request: Request, visit: Visit) -> Response:
        await self._desk.guard.form(request)
        name = request.path_params["name"]
        await self._desk.act(visit, "campaign.deleted", name, lambda session: delete_draft(session, name))
        return redirect(f"/{language_of(request)}/console/campaigns")

    async def _delivery(self, request: Request, visit: Visit) -> Response:
        around, told = await self._running(request)
        budget = told.budget
        context = self._of_campaign(request, told) | {
            "states": STATES,
            "whole": charts.parts([(budget.spent, "f1"), (budget.reserved, "f2"), (budget.free, "f3")])
            if budget
            else [],
            "asked": told.campaign.state is State.LAUNCHED and request.query_params.get("ask") == "end",
        }
        return self._shown(request, visit, around, "campaign_delivery", context)

    async def _design(self, request: Request, visit: Visit) -> Response:
        around, told = await self._running(request)
        return self._shown(request, visit, around, "campaign_design", self._of_campaign(request, told))

    async def _end(self, request: Request, visit: Visit) -> Response:
        await self._desk.guard.form(request)
        name = request.path_params["name"]

        def end(session: Session) -> int:
            return flows.end(session, name, self._desk.now())

        try:
            await self._desk.act(visit, "campaign.ended", name, end)
        except RefusedError as refused:
            raise HTTPException(409) from refused
        return redirect(self._address(request, name) + "/delivery")

    async def _ask_one(self, request: Request) -> tuple[Frame, Draft | Running]:
        name = request.path_params["name"]
        return await self._desk.ask(lambda session: flows.draft_or_running(session, name, self._desk.now()))

    async def _running(self, request: Request) -> tuple[Frame, Running]:
        around, told = await self._ask_one(request)
        if isinstance(told, Draft):
            raise HTTPException(404)
        return around, told

    def _of_campaign(self, request: Request, told: Draft | Running) -> dict[str, Any]:
        words = self._desk.words(request, told.campaign.currency).words
        return {
            "told": told,
            "now": told.now,
            "segment_title": words.title(told.segment),
            "currency": told.campaign.currency,
            "can_end": told.campaign.state is State.LAUNCHED,
        }

    def _address(self, request: Request, name: str) -> str:
        return f"/{language_of(request)}/console/campaigns/{name}"

    def _shown(self, request: Request, visit: Visit, around: Frame, template: str, context: dict[str, Any]) -> Response:
        words = self._desk.words(request, context.get("currency", "USD")).words
        return self._desk.shown(
            request,
            visit,
            around,
            template,
            context
            | {"it": CampaignWords(words), "section": "campaigns", "gap": "" if words.say.language == "zh" else " "},
        )


def table_of(words: Words, rows: Sequence[Row], segments: Iterable[Segment]) -> dict[str, Any]:
    """Return what a table of campaigns needs: one axis for their first metrics, relative to the hold-out, and words."""
    return {
        "it": CampaignWords(words),
        "axis": interval_plot([_estimate(row.relative) for row in rows]),
        "titles": {segment.name: words.title(segment) for segment in segments},
    }


def _choices(frame: flows.Frame) -> Choices:
    return Choices([each.segment.name for each in frame.segments], today_of(frame.now), frame.currency)


def _of_reading(reading: Reading) -> IntervalPlot:
    return interval_plot([_estimate(each.relative) for each in reading.figures])


def _estimate(found: Range | None) -> Estimate | None:
    return None if found is None else Estimate(found.low, found.value, found.high)
