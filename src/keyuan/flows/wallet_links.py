"""Links to a customer's own pages: made for a person, opened, revoked."""

from datetime import datetime
from uuid import UUID

from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.flows.take_along import UnknownPersonError
from keyuan.kernel.clock import system_now
from keyuan.profiles import links
from keyuan.profiles.links import OpenLink
from keyuan.profiles.reads import person_of

PATH = "/w/"


def wallet_link(session: Session, secrets: Secrets, user_id: str, base_url: str) -> str:
    """Return a new address that opens the pages of the person with a userId, for thirty days or until revoked.

    Whoever has the address is let in as her, so it goes to nobody else. The userId is not in it.

    Raises:
        UnknownPersonError: no event ever came from her.
    """
    person = person_of(session, secrets.sender(session.tenant, "user", user_id))
    if person is None:
        raise UnknownPersonError
    return base_url.rstrip("/") + PATH + links.make_link(session, person, system_now())


def opened(session: Session, token: str, now: datetime) -> OpenLink | None:
    """Return whose link this is, None if it does not hold."""
    return links.open_link(session, token, now)


def revoke_wallet_links(session: Session, person: UUID) -> int:
    """Let no link of a person open anything from now on; return how many there were."""
    return links.revoke_links(session, [person], system_now())
