"""Unsubscribing by the link of a letter: no cookie, no sign-in, no question; a POST does it, a GET only shows a button.

Mail programs POST `List-Unsubscribe=One-Click` there (RFC 8058), as a form of either kind; the button sends the same.
Scanners open every link that they see, so a GET withdraws nothing. The link itself is the authority: whoever has it may
do this one thing. Deliberately not here: what a withdrawal does (`flows.record_consent`).
"""

from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets
from keyuan.flows import unsubscribe
from keyuan.kernel.errors import EngineError
from keyuan.web.admission import Admission
from keyuan.web.body import read_body
from keyuan.web.pages import LANGUAGES, language_of, page, redirect, translator

_FIELD: Final = "List-Unsubscribe"
_ANSWER: Final = "One-Click"
_BODY_BYTES_MAX: Final = 8_192
_FIELDS_MAX: Final = 8
_WAITING_MAX: Final = 64


def routes(database: Database, secrets: Secrets) -> list[Route]:
    """Return the routes: one without a language for mail programs, and one for each language."""
    desk = _Desk(database, secrets)
    places = ["/u/{token}", *(f"/{language}/u/{{token}}" for language in LANGUAGES)]
    return [Route(place, desk.answer, methods=["GET", "POST"]) for place in places]


class _Desk:
    """Answers whoever has a link."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets
        self._admission = Admission(_WAITING_MAX)

    async def answer(self, request: Request) -> Response:
        """Show the page or do what it is for; both say how it stands."""
        token: str = request.path_params["token"]
        try:
            if request.method == "POST":
                await _check_asked(request)
                with self._admission.enter():
                    await run_sync(self._unsubscribe, token, language_of(request))
                return _shown(request, gets_letters=False)
            with self._admission.enter():
                gets_letters = await run_sync(self._gets_letters, token)
        except unsubscribe.NoSuchLetterError:
            return _unknown(request)
        except EngineError:
            return _trouble(request)
        if request.url.path.startswith(unsubscribe.PATH):
            return redirect(f"/{language_of(request)}{unsubscribe.PATH}{token}")
        return _shown(request, gets_letters=gets_letters)

    def _gets_letters(self, token: str) -> bool:
        with self._database.transaction(unsubscribe.tenant_of(token)) as session:
            return unsubscribe.reader_of(session, self._secrets, token).gets_letters

    def _unsubscribe(self, token: str, language: str) -> None:
        with self._database.transaction(unsubscribe.tenant_of(token)) as session:
            unsubscribe.unsubscribe(session, self._secrets, token, language)


async def _check_asked(request: Request) -> None:
    """Let a POST pass that says what it wants.

    Raises:
        HTTPException: it says something else, or nothing.
    """
    kind = request.headers.get("content-type", "")
    body = await read_body(request)
    if len(body) > _BODY_BYTES_MAX or not _asks(kind, body):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"Post {_FIELD}={_ANSWER}, as a form.")


def _asks(kind: str, body: bytes) -> bool:
    match kind.partition(";")[0].strip().lower():
        case "application/x-www-form-urlencoded":
            try:
                return (_FIELD, _ANSWER) in parse_qsl(body.decode(), max_num_fields=_FIELDS_MAX)
            except ValueError:
                return False
        case "multipart/form-data":
            return _asks_in_parts(kind, body)
        case _:
            return False


def _asks_in_parts(kind: str, body: bytes) -> bool:
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    parts = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
    return any(
        part.get_param("name", header="content-disposition") == _FIELD
        and part.get_payload(decode=True) in (_ANSWER.encode(), f"{_ANSWER}\r\n".encode())
        for part in parts
    )


def _shown(request: Request, *, gets_letters: bool) -> Response:
    shown = {"tab": None, "brand": None, "gets_letters": gets_letters}
    return page(request, "wallet/unsubscribe.html", shown)


def _unknown(request: Request) -> Response:
    _ = translator(language_of(request)).gettext
    shown = {
        "tab": None,
        "brand": None,
        "title": _("This link belongs to no letter of ours"),
        "detail": _("Nothing was changed. Open the link in the letter itself, or copy all of it."),
    }
    return page(request, "wallet/closed.html", shown, status=HTTPStatus.NOT_FOUND)


def _trouble(request: Request) -> Response:
    words = translator(language_of(request))
    shown = {
        "tab": None,
        "brand": None,
        "title": words.pgettext("trouble", "Not now"),
        "detail": words.gettext("We could not write it down. Try again in a minute."),
    }
    return page(request, "wallet/closed.html", shown, status=HTTPStatus.SERVICE_UNAVAILABLE)
