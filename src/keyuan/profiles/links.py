"""Links to a person's own page: who has one is let in as her, until it ends or is revoked.

A link's secret names its tenant (`wl_<tenant>_<random>`), so that the tenant is known before any query; only its digest
is kept, and nothing in it says who the person is. Deliberately not here: addresses and cookies (`web`).
"""

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from keyuan.engines.database import Session, load_statements

_SQL = load_statements(__package__ or "keyuan.profiles")
_TOKEN = re.compile(r"wl_([1-9][0-9]{0,8})_[A-Za-z0-9_-]{43}")
_RANDOM_BYTES: Final = 32
LASTS: Final = timedelta(days=30)


class OpenLink(NamedTuple):
    """A link that holds: whose it is, and until when."""

    person: UUID
    expires_at: datetime


def make_link(session: Session, person: UUID, now: datetime, lasts: timedelta = LASTS) -> str:
    """Make a link for a person and return its secret; it is shown only this once."""
    token = f"wl_{session.tenant}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    session.execute(
        _SQL["keep_link"],
        tenant=session.tenant,
        token_hash=_digest(token),
        person=person,
        made_at=now,
        expires_at=now + lasts,
    )
    return token


def tenant_of_link(token: str) -> int | None:
    """Return the tenant that a secret names; None if it is none. Nothing is proved by that."""
    match = _TOKEN.fullmatch(token)
    return int(match[1]) if match else None


def open_link(session: Session, token: str, now: datetime) -> OpenLink | None:
    """Return whose link this is, if it is one of this tenant, has not ended and was not revoked."""
    row = session.row(_SQL["open_link"], token_hash=_digest(token), now=now)
    return None if row is None else OpenLink(*row)


def revoke_links(session: Session, people: Collection[UUID], now: datetime) -> int:
    """Revoke all links of some people; return how many held."""
    return session.execute(_SQL["revoke_links"], people=list(people), now=now)


def _digest(token: str) -> bytes:
    """A plain digest is enough: the secret holds 32 random bytes, which nobody can guess and try."""
    return hashlib.sha256(token.encode()).digest()
