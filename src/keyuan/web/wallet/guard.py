"""Who is let in: a link is opened once and then kept in a cookie; forms carry a mark that other sites cannot make.

Deliberately not here: making and revoking links (`flows.wallet_links`).
Units: seconds since the Unix epoch for how long an undo holds.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from anyio.to_thread import run_sync
from starlette.requests import Request

from keyuan.engines.database import Database, Session
from keyuan.flows import wallet_links
from keyuan.kernel.clock import system_now
from keyuan.kernel.errors import RefusedError
from keyuan.profiles.links import tenant_of_link
from keyuan.web.admission import Admission

COOKIE: Final = "keyuan_wallet"
UNDO_S: Final = 10
_UNDO_GRACE_S: Final = 2  # on the way to and from a phone
_WAITING_MAX: Final = 64

Found = TypeVar("Found")


class ClosedLinkError(RefusedError):
    """This link opens nothing: it has ended, was revoked, or never was one."""


class ForeignFormError(RefusedError):
    """This form was not made for this page; load the page again."""


class Visit(NamedTuple):
    """A customer on her own pages: an open transaction and who she is."""

    session: Session
    person: UUID


class Guard:
    """Opens a transaction for whoever has a link that holds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._admission = Admission(_WAITING_MAX)

    async def let_in(self, request: Request, read: Callable[[Visit], Found], *, snapshot: bool = False) -> Found:
        """Return what a function reads for the customer whose cookie this is, in one transaction.

        Raises:
            ClosedLinkError: there is no cookie, or its link does not hold.
        """
        with self._admission.enter():
            return await run_sync(self._read, request.cookies.get(COOKIE, ""), read, snapshot)

    async def holds(self, token: str) -> int:
        """Return for how many seconds a link still holds.

        Raises:
            ClosedLinkError: it does not.
        """
        with self._admission.enter():
            return await run_sync(self._seconds, token)

    def _read(self, token: str, read: Callable[[Visit], Found], snapshot: bool) -> Found:  # noqa: FBT001  # from above
        with self._database.transaction(_tenant(token), snapshot=snapshot) as session:
            link = wallet_links.opened(session, token, system_now())
            if link is None:
                raise ClosedLinkError
            return read(Visit(session, link.person))

    def _seconds(self, token: str) -> int:
        now = system_now()
        with self._database.transaction(_tenant(token)) as session:
            link = wallet_links.opened(session, token, now)
        if link is None:
            raise ClosedLinkError
        return int((link.expires_at - now).total_seconds())


def form_mark(request: Request) -> str:
    """Return what a form of this customer must send along; only her own pages know it."""
    return _mark(request, b"form")


def check_form(request: Request, given: str) -> None:
    """Let a form pass that came from her own page.

    Raises:
        ForeignFormError: it did not.
    """
    if not hmac.compare_digest(form_mark(request).encode(), given.encode()):
        raise ForeignFormError


def undo_seal(request: Request, purpose: str, now_s: int) -> str:
    """Return what lets a withdrawal be taken back without being asked again, for ten seconds from now."""
    until_s = now_s + UNDO_S
    return f"{until_s}.{_mark(request, f'undo|{purpose}|{until_s}'.encode())}"


def may_undo(request: Request, purpose: str, seal: str, now_s: int) -> bool:
    """Tell whether a seal was made for this purpose and still holds."""
    until_s, _, mark = seal.partition(".")
    wanted = _mark(request, f"undo|{purpose}|{until_s}".encode())
    is_ours = hmac.compare_digest(wanted.encode(), mark.encode())
    return is_ours and now_s <= int(until_s) + _UNDO_GRACE_S


def _tenant(token: str) -> int:
    tenant = tenant_of_link(token)
    if tenant is None:
        raise ClosedLinkError
    return tenant


def _mark(request: Request, what: bytes) -> str:
    """A keyed hash under the link's own secret, which no other site has."""
    key = hashlib.sha256(b"keyuan wallet|" + request.cookies.get(COOKIE, "").encode()).digest()
    return hmac.new(key, what, hashlib.sha256).hexdigest()[:32]
