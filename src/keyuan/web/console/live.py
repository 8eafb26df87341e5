"""The figures of the first page while it stands open, by server-sent events.

All listeners of a console share one question: while somebody listens it is asked every two seconds where log and ledger
stand, and figures are made only when that has moved. A listener's session is looked at now and then, and when it has
ended, so has her stream. Deliberately not here: what the figures are (flows), and that the server stops (`streams`).
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.flows.console_home import Figures, figures, moved_to
from keyuan.flows.console_kept import FRESH_S
from keyuan.kernel.errors import EngineError
from keyuan.web.console.desk import Desk
from keyuan.web.errors import problem
from keyuan.web.pages.i18n import LANGUAGES, Language, language_of
from keyuan.web.pages.render import fragment
from keyuan.web.streams import STILL_HERE, Streams, message, streamed

LISTENERS_MAX: Final = 100
PER_ACCOUNT: Final = 6
_RETRY_S: Final = "30"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often it is asked, how often a silent stream shows that it lives, how often a session is looked at."""

    ask_s: float = 2.0
    silence_s: float = 15.0
    session_s: float = 10.0


PACE: Final = Pace()


class _Found(NamedTuple):
    """Figures, where log and ledger stood, and when to ask again for what was kept."""

    place: tuple[object, ...]
    again_s: float | None
    figures: Figures


@dataclass(slots=True)
class Live:
    """The streams of one console."""

    desk: Desk
    streams: Streams
    pace: Pace = field(default_factory=lambda: PACE)
    _listeners: Counter[UUID] = field(default_factory=Counter[UUID])
    _asking: asyncio.Task[None] | None = None
    _place: tuple[object, ...] = ()
    _again_s: float | None = None
    _figures: Figures | None = None
    _said: dict[Language, str] = field(default_factory=dict[Language, str])
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def routes(self) -> list[Route]:
        """Return the routes, in both languages."""
        return [Route(f"/{language}/console/live", self._listen, methods=["GET"]) for language in LANGUAGES]

    async def _listen(self, request: Request) -> Response:
        """Answer with a stream to somebody who is signed in; all others are told so, and not led to a page."""
        member = await self.desk.guard.member(request)
        if member is None or member.must_change:
            return problem(401, "Sign in to follow the figures.")
        if self._listeners.total() >= LISTENERS_MAX or self._listeners[member.account] >= PER_ACCOUNT:
            raise HTTPException(429, "So many pages are open already.", {"Retry-After": _RETRY_S})
        return streamed(self._messages(request, member.account))

    async def _messages(self, request: Request, account: UUID) -> AsyncGenerator[str, None]:
        language, clock = language_of(request), asyncio.get_running_loop().time
        self._listeners[account] += 1
        self._start()
        looked_s, sent = clock(), None
        try:
            yield STILL_HERE  # the answer begins at once
            while not self.streams.are_stopped:
                if clock() - looked_s >= self.pace.session_s:
                    looked_s = clock()
                    if not await self.desk.guard.goes_on(request):
                        yield message("", event="end")
                        return
                if self._figures is not None and self._figures is not sent:
                    sent = self._figures
                    yield message(self._words(language, sent))
                elif not await self._moves():
                    yield STILL_HERE
        finally:
            self._leave(account)

    def _start(self) -> None:
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())

    def _leave(self, account: UUID) -> None:
        self._listeners[account] -= 1
        self._listeners += Counter()  # nobody who has none is kept
        if not self._listeners and self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _ask(self) -> None:
        """Ask for all who listen, until nobody does or the server stops."""
        while not self.streams.are_stopped:
            try:
                found = await run_sync(self._figures_if_moved)
            except EngineError:
                found = None  # it is asked again; whoever listens keeps the figures she has
            if found is not None:
                self._take(found)
            await self.streams.rest(self.pace.ask_s)
        self._tell()

    def _take(self, found: "_Found") -> None:
        """Keep an answer. Only here: that of a question which nobody waits for any more must leave no mark."""
        self._place, self._again_s = found.place, found.again_s
        if found.figures != self._figures:
            self._figures, self._said = found.figures, {}
            self._tell()

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _moves(self) -> bool:
        """Wait until there are other figures, not for longer than a stream is silent; tell whether there are."""
        try:
            async with asyncio.timeout(min(self.pace.silence_s, self.pace.session_s)):
                await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def _figures_if_moved(self) -> "_Found | None":
        """Ask where all stands, and for the figures if it moved; once more when what was kept is not fresh any more."""
        desk, now_s = self.desk, time.monotonic()
        with desk.database.transaction(desk.tenant, snapshot=True) as session:
            place = moved_to(session)
            is_due = self._again_s is not None and now_s >= self._again_s
            if place == self._place and not is_due:
                return None
            found = figures(session, desk.kept, desk.now())
        return _Found(place, None if place == self._place else now_s + FRESH_S, found)

    def _words(self, language: Language, found: Figures) -> str:
        """Return figures as they stand on a page; made once for all who read a language."""
        if language not in self._said:
            self._said[language] = fragment(language, "console/figures.html", {"figures": found})
        return self._said[language]
