"""Offers: the messages in her inbox, and each with its coupon; one that is opened is read."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from keyuan.engines.secrets import Secrets
from keyuan.flows import wallet, wallet_offers
from keyuan.flows.wallet_offers import Note
from keyuan.kernel.errors import MissingError
from keyuan.web.errors import problem_of
from keyuan.web.pages import Language, language_of, page
from keyuan.web.wallet.guard import Guard, Visit


class NoSuchNoteError(MissingError):
    """There is no such message in your inbox."""


class Shown(NamedTuple):
    """A message as its page shows it, in one language."""

    note: Note
    title: str
    offer: str
    group: str | None


class Offers:
    """The handlers of the inbox and of one message."""

    def __init__(self, guard: Guard, secrets: Secrets) -> None:
        self._guard = guard
        self._secrets = secrets

    async def inbox(self, request: Request) -> Response:
        """List what there is, the newest first."""

        def read(visit: Visit) -> tuple[Sequence[Note], str | None]:
            found = wallet_offers.inbox(visit.session, self._secrets, visit.person)
            return found, wallet.brand_of(visit.session, visit.person)

        notes, brand = await self._guard.let_in(request, read)
        language = language_of(request)
        shown = {
            "tab": "offers",
            "brand": brand,
            "notes": [_shown(each, language) for each in notes],
            "unread": sum(each.is_new for each in notes),
        }
        return page(request, "wallet/offers.html", shown)

    async def note(self, request: Request) -> Response:
        """Show one message; from now on it is read."""
        wanted: UUID = request.path_params["id"]

        def read(visit: Visit) -> tuple[Note | None, int, str | None]:
            found = wallet_offers.note(visit.session, self._secrets, visit.person, wanted)
            unread = wallet_offers.unread(visit.session, visit.person)
            return found, unread, wallet.brand_of(visit.session, visit.person)

        found, unread, brand = await self._guard.let_in(request, read)
        if found is None:
            return problem_of(NoSuchNoteError())
        shown = {"tab": "offers", "brand": brand, "unread": unread, "it": _shown(found, language_of(request))}
        return page(request, "wallet/note.html", shown)


def _shown(note: Note, language: Language) -> Shown:
    campaign, offer, group = note.campaign, note.offer, note.group
    if language == "zh":
        return Shown(note, campaign.title_zh, offer.title_zh, group and group.title_zh)
    return Shown(note, campaign.title_en, offer.title_en, group and group.title_en)
