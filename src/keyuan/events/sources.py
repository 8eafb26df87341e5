"""Who may send events: sources and their write keys.

A write key names its tenant (`wk_<tenant>_<random>`), so that the tenant is known before any query; only its digest is
kept. Deliberately not here: HTTP and caching.
"""

import hashlib
import re
import secrets
from datetime import datetime
from typing import NamedTuple

from keyuan.engines.database import Session, load_statements
from keyuan.events import calendar
from keyuan.events.intake import DEFAULT_CURRENCY
from keyuan.kernel.errors import RefusedError

_SQL = load_statements("keyuan.events")
_KEY = re.compile(r"wk_([1-9][0-9]{0,8})_[A-Za-z0-9_-]{20,80}")
_RANDOM_BYTES = 32


class ReservedSourceError(RefusedError):
    """Only Keyuan itself tells what happens on a date; give the source another name."""


class Source(NamedTuple):
    """A sender of events that is allowed in; `currency` is for orders that do not name theirs."""

    tenant: int
    source: str
    currency: str


def make_source(session: Session, source: str, now: datetime, currency: str = DEFAULT_CURRENCY) -> str:
    """Make a write key for a source and return it; it is shown only this once.

    Raises:
        ReservedSourceError: nobody may send under this name.
    """
    if source == calendar.SOURCE:
        raise ReservedSourceError(source=source)
    key = f"wk_{session.tenant}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    session.execute(
        _SQL["keep_source"],
        tenant=session.tenant,
        key_hash=_digest(key),
        source=source,
        currency=currency,
        now=now,
    )
    return key


def tenant_of_key(key: str) -> int | None:
    """Return the tenant that a write key names; None if it is no write key. Nothing is proved by that."""
    match = _KEY.fullmatch(key)
    return int(match[1]) if match else None


def source_of_key(session: Session, key: str) -> Source | None:
    """Return the source whose write key this is, if it is one of this tenant and not revoked."""
    row = session.row(_SQL["source_of_key"], key_hash=_digest(key))
    return None if row is None else Source(session.tenant, *row)


def revoke_source(session: Session, source: str, now: datetime) -> int:
    """Revoke all keys of a source; return how many."""
    return session.execute(_SQL["revoke_source"], source=source, now=now)


def _digest(key: str) -> bytes:
    """A plain digest is enough: the key holds 32 random bytes, which nobody can guess and try."""
    return hashlib.sha256(key.encode()).digest()
