"""My consents and my data: switching off is one tap, switching on asks once, everything kept can be taken along."""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from keyuan.consent import Decision, Purpose
from keyuan.engines.secrets import Secrets
from keyuan.flows import wallet, wallet_offers
from keyuan.flows.take_along import take_along_person
from keyuan.flows.wallet import Agreement
from keyuan.flows.wallet_links import revoke_wallet_links
from keyuan.kernel.clock import system_now
from keyuan.kernel.errors import InputError
from keyuan.kernel.sentences import mark
from keyuan.web.pages import Language, language_of, page, redirect, translator
from keyuan.web.pages.forms import read_form
from keyuan.web.wallet.guard import COOKIE, Guard, Visit, check_form, form_mark, may_undo, undo_seal

TEXT_VERSION: Final = 1
"""Of the words below: whoever changes what is agreed to raises it, and the evidence says which was read."""
_NAMES: Final[Mapping[Purpose, str]] = {
    Purpose.LOYALTY: mark("Points programme"),
    Purpose.PERSONALISATION: mark("Personalisation"),
    Purpose.MARKETING_EMAIL: mark("News by e-mail"),
}
_MEANINGS: Final[Mapping[Purpose, str]] = {
    Purpose.LOYALTY: mark(
        "Your purchases are used to give you points. Switched off, new purchases earn none; the points you have stay"
        " yours."
    ),
    Purpose.PERSONALISATION: mark(
        "Your purchases are used to learn what you like and how often you come, so that offers fit you. Switched off,"
        " what was worked out about you is deleted at once."
    ),
    Purpose.MARKETING_EMAIL: mark("Offers and news are sent to your e-mail address. Switched off, no more are sent."),
}


class UnknownAnswerError(InputError):
    """A consent is given or withdrawn, for a purpose that there is."""


class Shown(NamedTuple):
    """One consent as its page shows it."""

    purpose: str
    name: str
    meaning: str
    given: bool
    since: object


class Undo(NamedTuple):
    """What has just been switched off and can still be undone."""

    purpose: str
    name: str
    seal: str


class Me:
    """The handlers of consents, data and leaving."""

    def __init__(self, guard: Guard, secrets: Secrets) -> None:
        self._guard = guard
        self._secrets = secrets

    async def show(self, request: Request) -> Response:
        """Show consents, data and settings; after a withdrawal, a way to undo it."""

        def read(visit: Visit) -> tuple[list[Agreement], list[wallet.Purse], int]:
            session, person = visit
            unread = wallet_offers.unread(session, person)
            return wallet.agreements(session, person), wallet.purses_of(session, person), unread

        agreements, purses, unread = await self._guard.let_in(request, read)
        language = language_of(request)
        purse = wallet.first_of(purses)
        shown = {
            "tab": "me",
            "unread": unread,
            "brand": purse.programme.name if purse else None,
            "purse": purse,
            "agreements": [_shown(each, language) for each in agreements],
            "form": form_mark(request),
            "undo": _undo(request, language),
        }
        return page(request, "wallet/me.html", shown)

    async def ask(self, request: Request) -> Response:
        """Ask once before a consent is given."""
        purpose = _purpose(request.query_params.get("purpose", ""))
        brand = await self._guard.let_in(request, lambda visit: wallet.brand_of(visit.session, visit.person))
        words = translator(language_of(request))
        shown = {
            "tab": "me",
            "brand": brand,
            "purpose": purpose.value,
            "name": words.gettext(_NAMES[purpose]),
            "meaning": words.gettext(_MEANINGS[purpose]),
            "form": form_mark(request),
        }
        return page(request, "wallet/agree.html", shown)

    async def decide(self, request: Request) -> Response:
        """Record an answer; one that gives must have been asked for, or undo a withdrawal of just now."""
        form = await read_form(request)
        check_form(request, form.get("form", ""))
        purpose, language, now_s = _purpose(form.get("purpose", "")), language_of(request), _now_s()
        here = f"/{language}/w/me"
        undone = may_undo(request, purpose, form.get("undo", ""), now_s)
        match form.get("answer"):
            case "withdrawn":
                await self._record(request, purpose, Decision.WITHDRAWN, "switched off with one tap")
                return redirect(f"{here}?off={purpose.value}&undo={undo_seal(request, purpose, now_s)}")
            case "given" if undone:
                await self._record(request, purpose, Decision.GIVEN, f"withdrawal undone within seconds, {language}")
                return redirect(here)
            case "given" if form.get("asked") == "1":
                words = f"asked once, agreed to text {TEXT_VERSION}, {language}"
                await self._record(request, purpose, Decision.GIVEN, words)
                return redirect(here)
            case "given":
                return redirect(f"{here}/agree?purpose={purpose.value}")
            case _:
                raise UnknownAnswerError

    async def data(self, request: Request) -> Response:
        """Give everything that is kept of her, as a file."""
        secrets = self._secrets

        def read(visit: Visit) -> bytes:
            found = take_along_person(visit.session, secrets, visit.person)
            return json.dumps(found, ensure_ascii=False, indent=2, default=str).encode()

        body = await self._guard.let_in(request, read, snapshot=True)
        return attachment(body, "my-data.json", "application/json")

    async def leave(self, request: Request) -> Response:
        """Forget the cookie, and if she wishes, let no link of hers open anything any more."""
        form = await read_form(request)
        check_form(request, form.get("form", ""))
        if form.get("links") == "revoke":
            await self._guard.let_in(request, lambda visit: revoke_wallet_links(visit.session, visit.person))
        words = translator(language_of(request))
        shown = {
            "tab": None,
            "brand": None,
            "title": words.gettext("You are signed out"),
            "detail": words.gettext("Open your link again to come back, or ask the shop for a new one."),
        }
        answer = page(request, "wallet/closed.html", shown)
        answer.delete_cookie(COOKIE)
        return answer

    async def _record(self, request: Request, purpose: Purpose, decision: Decision, how: str) -> None:
        def record(visit: Visit) -> int:
            return wallet.decide(visit.session, visit.person, purpose, decision, f"wallet: {how}")

        await self._guard.let_in(request, record)


def attachment(body: bytes, name: str, kind: str, **headers: str) -> Response:
    """Return a file that a browser saves."""
    shared = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body, 200, shared | headers, kind)


def _shown(agreement: Agreement, language: Language) -> Shown:
    words, purpose = translator(language), agreement.purpose
    name, meaning = words.gettext(_NAMES[purpose]), words.gettext(_MEANINGS[purpose])
    return Shown(purpose.value, name, meaning, agreement.given, agreement.since)


def _undo(request: Request, language: Language) -> Undo | None:
    """Offer to undo what the address names, while its seal holds."""
    off, seal = request.query_params.get("off", ""), request.query_params.get("undo", "")
    if off not in {each.value for each in Purpose} or not may_undo(request, off, seal, _now_s()):
        return None
    return Undo(off, translator(language).gettext(_NAMES[Purpose(off)]), seal)


def _purpose(name: str) -> Purpose:
    try:
        return Purpose(name)
    except ValueError:
        raise UnknownAnswerError from None


def _now_s() -> int:
    return int(system_now().timestamp())
