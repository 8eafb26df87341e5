"""The addresses of the wallet: `/w/<secret>` opens it, its pages stand under `/zh/w/` and `/en/w/`.

Each page asks one function of the flows, in one transaction. Deliberately not here: the check of points and its files
(`proofs`), consents (`me`), offers (`offers`), and who is let in (`guard`).
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.flows import wallet, wallet_offers
from keyuan.kernel.errors import EngineError, KeyuanError, RefusedError
from keyuan.ledger import Expiring
from keyuan.web.pages import LANGUAGES, language_of, page, redirect, translator
from keyuan.web.wallet.guard import COOKIE, ClosedLinkError, Guard, Visit
from keyuan.web.wallet.me import Me
from keyuan.web.wallet.offers import Offers
from keyuan.web.wallet.proofs import Proving
from keyuan.web.wallet.unsubscribe import routes as unsubscribe_routes

Handler = Callable[[Request], Awaitable[Response]]
_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class Ending(NamedTuple):
    """Points that end on one day."""

    at: object
    points: int


def routes(database: Database, secrets: Secrets, *, rpc: str = "/rpc") -> list[Route]:
    """Return all routes of the wallet; `rpc` is where the chain is asked first: an address, or a path of this site."""
    guard = Guard(database)
    pages = _Pages(guard)
    me = Me(guard, secrets)
    offers = Offers(guard, secrets)
    proving = Proving(guard, rpc)
    places: list[tuple[str, Handler, str]] = [
        ("", pages.home, "GET"),
        ("activity", pages.activity, "GET"),
        ("offers", offers.inbox, "GET"),
        ("offers/{id:uuid}", offers.note, "GET"),
        ("me", me.show, "GET"),
        ("me/agree", me.ask, "GET"),
        ("me/consent", me.decide, "POST"),
        ("leave", me.leave, "POST"),
        ("data.json", me.data, "GET"),
        ("check", proving.check, "GET"),
        ("bundle.json", proving.bundle, "GET"),
        ("commitments.json", proving.commitments, "GET"),
        ("keyuan_verify.py", proving.verifier, "GET"),
    ]
    return [
        *unsubscribe_routes(database, secrets),
        Route("/w/{token}", pages.open, methods=["GET"]),
        *(
            Route(f"/{language}/w/{place}", _with_words(handler), methods=[method])
            for language in LANGUAGES
            for place, handler, method in places
        ),
    ]


class _Pages:
    """The pages that only show."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def open(self, request: Request) -> Response:
        """Keep the link in a cookie and go on without it in the address."""
        token: str = request.path_params["token"]
        language = language_of(request)
        try:
            lasts_s = await self._guard.holds(token)
        except ClosedLinkError as error:
            return _closed(request, error)
        answer = redirect(f"/{language}/w/")
        is_https = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, max_age=lasts_s, httponly=True, samesite="lax", secure=is_https)
        return answer

    async def home(self, request: Request) -> Response:
        """Show points, what ends soon, and the newest movements."""

        def read(visit: Visit) -> tuple[wallet.Home, int]:
            return wallet.home(visit.session, visit.person), wallet_offers.unread(visit.session, visit.person)

        found, unread = await self._guard.let_in(request, read)
        purse = wallet.first_of(found.purses)
        shown = {
            "tab": "home",
            "unread": unread,
            "brand": purse.programme.name if purse else None,
            "purse": purse,
            "others": [each for each in found.purses if each is not purse and each.holder is not None],
            "latest": found.latest,
            "ending": _by_day(found.ending),
            "months": found.months[:2],
        }
        return page(request, "wallet/home.html", shown)

    async def activity(self, request: Request) -> Response:
        """Show the movements of one month, with the ways to the months beside it."""
        match = _MONTH.fullmatch(request.query_params.get("month", ""))
        wanted = (int(match[1]), int(match[2])) if match else None

        def read(visit: Visit) -> tuple[wallet.Activity, int]:
            found = wallet.activity(visit.session, visit.person, wanted)
            return found, wallet_offers.unread(visit.session, visit.person)

        found, unread = await self._guard.let_in(request, read)
        place = found.months.index(found.month) if found.month else 0
        shown = {
            "tab": "activity",
            "unread": unread,
            "brand": found.purse.programme.name if found.purse else None,
            "purse": found.purse,
            "month": found.month,
            "newer": found.months[place - 1] if place else None,
            "older": found.months[place + 1] if place + 1 < len(found.months) else None,
            "movements": found.movements,
        }
        return page(request, "wallet/activity.html", shown)


def _by_day(lots: Sequence[Expiring]) -> list[Ending]:
    days = groupby(lots, lambda each: each.expires_at.date())
    return [Ending(day, sum(each.points for each in some)) for day, some in days]


def _with_words(handler: Handler) -> Handler:
    """Let errors answer as pages here, in the words of a customer."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except (RefusedError, EngineError) as error:
            return _closed(request, error)

    return answered


def _closed(request: Request, error: KeyuanError) -> Response:
    words = translator(language_of(request))
    _ = words.gettext
    if isinstance(error, ClosedLinkError):
        title, status = _("This link opens nothing any more"), 403
        detail = _("It has ended or was revoked. Ask the shop for a new one; your points are as they were.")
    elif isinstance(error, RefusedError):
        title, status = _("That did not work"), 403
        detail = _("Nothing was changed. Go back, load the page again, and try once more.")
    else:
        title, status = words.pgettext("trouble", "Not now"), 503
        detail = _("We cannot read your points at the moment. They are as they were; try again in a minute.")
    shown = {"tab": None, "brand": None, "title": title, "detail": detail}
    return page(request, "wallet/closed.html", shown, status=status)
