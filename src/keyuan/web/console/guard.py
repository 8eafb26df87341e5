"""Who may see the console: signing in and out, sessions in a cookie, and forms that only our own pages can send.

The cookie holds a random token, which the database knows by its digest; it is closed to scripts and not sent along from
other sites. A form carries a digest of the token. Before there is a session, the form of signing in has a token of its
own. Passwords are checked by two threads at most, and few may wait.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.engines.database import Database
from keyuan.flows.staff import (
    SignedIn,
    WrongPasswordError,
    choose_password,
    sign_in,
    sign_out,
    signed_in,
    still_signed_in,
)
from keyuan.staff import PASSWORD_CHARACTERS_MIN, Attempts, Member, WeakPasswordError, normal_name
from keyuan.web.admission import Admission
from keyuan.web.pages.forms import read_form
from keyuan.web.pages.i18n import LANGUAGES, language_of
from keyuan.web.pages.render import inside, page, redirect

COOKIE: Final = "keyuan_staff"
FORM_COOKIE: Final = "keyuan_form"
_COOKIE_S: Final = 7 * 86_400
_PASSWORDS_AT_ONCE: Final = 2
_PASSWORDS_WAITING: Final = 16
_SAME_SITE: Final = {"same-origin", "none"}
Result = TypeVar("Result")
Handler = Callable[[Request, "Visit"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is signed in; `csrf` is what its forms must carry."""

    member: Member
    csrf: str


def form_token(token: str) -> str:
    """Return what a form carries, so that only who holds the token can have sent it."""
    return hashlib.sha256(b"keyuan form\0" + token.encode()).hexdigest()


async def checked_form(request: Request, token: str) -> dict[str, str]:
    """Return the fields of a form that our own page sent.

    Raises:
        HTTPException: 403, it did not; nothing was done.
    """
    form = await read_form(request)
    site = request.headers.get("sec-fetch-site")
    if (site is not None and site not in _SAME_SITE) or not token:
        raise HTTPException(403, "This form was not sent by a page of this console.")
    if not hmac.compare_digest(form.get("csrf", "").encode(), form_token(token).encode()):
        raise HTTPException(403, "This form was not sent by a page of this console, or the page was too old.")
    return form


@dataclass(slots=True)
class Guard:
    """The sign-in of one tenant's console."""

    database: Database
    tenant: int
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    _attempts: Attempts = field(default_factory=Attempts)
    _admission: Admission = field(default_factory=lambda: Admission(_PASSWORDS_WAITING))
    _pool: CapacityLimiter | None = None

    def routes(self) -> list[Route]:
        """Return the routes of signing in and out, and of choosing a password."""
        found: list[Route] = []
        for language in LANGUAGES:
            base = f"/{language}/console"
            found += [
                Route(f"{base}/login", self._show_login, methods=["GET"]),
                Route(f"{base}/login", self._login, methods=["POST"]),
                Route(f"{base}/logout", self._logout, methods=["POST"]),
                Route(f"{base}/password", self._show_password, methods=["GET"]),
                Route(f"{base}/password", self._choose, methods=["POST"]),
            ]
        return found

    def behind(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler that is called only for somebody who is signed in and has a password of her own."""

        async def guarded(request: Request) -> Response:
            member = await self.member(request)
            if member is None:
                return self._to_login(request)
            if member.must_change:
                return redirect(f"/{language_of(request)}/console/password")
            return await handler(request, Visit(member, form_token(_token(request))))

        return guarded

    async def member(self, request: Request) -> Member | None:
        """Return who is signed in."""
        token = _token(request)
        return await run_sync(signed_in, self.database, self.tenant, token, self.now()) if token else None

    async def goes_on(self, request: Request) -> bool:
        """Tell whether the session of a page that stands open goes on; that alone keeps no session from ending."""
        return await run_sync(still_signed_in, self.database, self.tenant, _token(request), self.now())

    async def form(self, request: Request) -> dict[str, str]:
        """Return the fields of a form that a page of this session sent."""
        return await checked_form(request, _token(request))

    def _to_login(self, request: Request) -> Response:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return redirect(f"/{language_of(request)}/console/login?next={quote(here)}")

    async def _show_login(self, request: Request) -> Response:
        return self._login_page(request, next_page=request.query_params.get("next", ""))

    def _login_page(self, request: Request, *, next_page: str, fault: str = "", status: int = 200) -> Response:
        token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
        context = {"csrf": form_token(token), "next": inside(next_page, ""), "fault": fault}
        answer = page(request, "console/login.html", context, status=status)
        _set_cookie(request, answer, FORM_COOKIE, token, None)
        return answer

    async def _login(self, request: Request) -> Response:
        form = await checked_form(request, request.cookies.get(FORM_COOKIE, ""))
        name, address = normal_name(form.get("name", ""))[:100], _address(request)
        next_page = form.get("next", "")
        if self._attempts.wait_s(name, address, self.monotonic()) > 0:
            return self._login_page(request, next_page=next_page, fault="often", status=429)
        self._attempts.trying(name, address, self.monotonic())
        try:
            found = await self._slowly(
                lambda: sign_in(self.database, self.tenant, name, form.get("password", ""), self.now())
            )
        except WrongPasswordError:
            return self._login_page(request, next_page=next_page, fault="wrong", status=403)
        self._attempts.succeeded(name, address)
        home = f"/{language_of(request)}/console"
        return _welcomed(request, found, f"{home}/password" if found.member.must_change else inside(next_page, home))

    async def _logout(self, request: Request) -> Response:
        await self.form(request)
        await run_sync(sign_out, self.database, self.tenant, _token(request))
        answer = redirect(f"/{language_of(request)}/console/login")
        answer.delete_cookie(COOKIE)
        return answer

    async def _show_password(self, request: Request) -> Response:
        member = await self.member(request)
        return self._to_login(request) if member is None else self._password_page(request, member)

    def _password_page(self, request: Request, member: Member, fault: str = "", status: int = 200) -> Response:
        context = {
            "member": member,
            "csrf": form_token(_token(request)),
            "fault": fault,
            "characters_min": PASSWORD_CHARACTERS_MIN,
        }
        return page(request, "console/password.html", context, status=status)

    async def _choose(self, request: Request) -> Response:
        member = await self.member(request)
        if member is None:
            return self._to_login(request)
        form = await self.form(request)
        name, address = member.name, _address(request)
        if self._attempts.wait_s(name, address, self.monotonic()) > 0:
            return self._password_page(request, member, "often", 429)
        if form.get("new", "") != form.get("again", ""):
            return self._password_page(request, member, "different", 400)
        passwords = (form.get("old", ""), form.get("new", ""))
        self._attempts.trying(name, address, self.monotonic())
        try:
            found = await self._slowly(
                lambda: choose_password(self.database, self.tenant, member, passwords, self.now())
            )
        except WrongPasswordError:
            return self._password_page(request, member, "wrong", 403)
        except WeakPasswordError:
            return self._password_page(request, member, "weak", 400)
        self._attempts.succeeded(name, address)
        return _welcomed(request, found, f"/{language_of(request)}/console")

    async def _slowly(self, work: Callable[[], Result]) -> Result:
        """Do what computes a digest of a password: few at once, and few that wait."""
        if self._pool is None:
            self._pool = CapacityLimiter(_PASSWORDS_AT_ONCE)
        with self._admission.enter():
            return await run_sync(work, limiter=self._pool)


def _token(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _welcomed(request: Request, found: SignedIn, address: str) -> Response:
    answer = redirect(address)
    _set_cookie(request, answer, COOKIE, found.token, _COOKIE_S)
    answer.delete_cookie(FORM_COOKIE)
    return answer


def _set_cookie(request: Request, answer: Response, name: str, value: str, seconds: int | None) -> None:
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)
