"""What every page of the console has: somebody who is signed in, one snapshot to ask, words, and an answer.

Deliberately not here: which pages there are (`site`), and what they ask.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from keyuan import staff
from keyuan.engines.database import Database, Session
from keyuan.engines.secrets import Secrets
from keyuan.flows.console_frame import Frame, frame
from keyuan.flows.console_kept import Kept
from keyuan.kernel.errors import ConflictError, EngineError, InputError, MissingError
from keyuan.web.console import addresses
from keyuan.web.console.guard import Guard, Visit
from keyuan.web.console.rule_words import RuleWords
from keyuan.web.console.words import Words
from keyuan.web.pages.formats import Formats
from keyuan.web.pages.i18n import language_of, translator
from keyuan.web.pages.render import page

READS_AT_ONCE: Final = 6
_SECTIONS: Final = {"person": "people", "segment": "segments"}
Told = TypeVar("Told")
Page = Callable[[Request, Visit], Awaitable[Response]]


@dataclass(slots=True)
class Desk:
    """What the pages of one tenant's console share."""

    database: Database
    secrets: Secrets
    tenant: int
    now: Callable[[], datetime]
    guard: Guard
    kept: Kept = field(default_factory=Kept)
    _reads: CapacityLimiter | None = None

    def page(self, handler: Page) -> Callable[[Request], Awaitable[Response]]:
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

        return self.guard.behind(shown)

    def _fault(self, request: Request, visit: Visit, status: int) -> Response:
        context = {"visit": visit, "frame": None, "section": "", "status": status}
        return page(request, "console/fault.html", context, status=status)

    async def ask(self, question: Callable[[Session], Told]) -> tuple[Frame, Told]:
        """Ask in one snapshot, with what stands around the page."""

        def asked() -> tuple[Frame, Told]:
            with self.database.transaction(self.tenant, snapshot=True) as session:
                return frame(session), question(session)

        if self._reads is None:
            self._reads = CapacityLimiter(READS_AT_ONCE)
        return await run_sync(asked, limiter=self._reads)

    async def act(self, visit: Visit, action: str, subject: str | None, work: Callable[[Session], Told]) -> Told:
        """Do something in one transaction, which also writes who did it into the audit trail.

        `subject` is what it was done to; None: what the work returns, the name of something new.
        """

        def done() -> Told:
            with self.database.transaction(self.tenant) as session:
                told = work(session)
                staff.note(session, self.now(), visit.member.account, action, str(told) if subject is None else subject)
                return told

        return await run_sync(done)

    def words(self, request: Request, currency: str) -> RuleWords:
        """Return the words of a page's language."""
        language = language_of(request)
        return RuleWords(Words(translator(language), Formats(language), currency))

    def shown(
        self, request: Request, visit: Visit, around: Frame, name: str, context: dict[str, Any], currency: str = "USD"
    ) -> Response:
        """Return a page of the console; `section` of the context is its entry in the menu, if it has another name."""
        said = self.words(request, context.get("currency", currency))
        given: dict[str, Any] = {
            "visit": visit,
            "frame": around,
            "section": _SECTIONS.get(name, name),
            "words": said.words,
            "rule_words": said,
            "address": partial(addresses.changed, request),
        }
        return page(request, f"console/{name}.html", given | context)
