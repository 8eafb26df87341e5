"""What stands for senders and messages; the keys of senders: made when needed, fetched in batches, destroyed to erase.

Deliberately not here: the cipher (`engines.secrets`), and which senders a person has (`profiles`).
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from keyuan.engines.database import Session, load_statements
from keyuan.engines.secrets import HASH_BYTES, Sealer, Secrets, keyed_hasher, make_keys, unwrap_keys
from keyuan.events.model import LoggedEvent

_SQL = load_statements("keyuan.events")
_KEYS_IN = {"sender": "bytea", "wrapped_key": "bytea"}
UNKNOWN = "unknown"
"""The kind of the one sender of a tenant under whose key nameless quarantined events are sealed."""


def message_key_of(tenant: int, secrets: Secrets) -> Callable[[str, str | None], bytes]:
    """Return what names a message by source and id: of two sources each has its own ids. Without an id it is random."""
    hashed = keyed_hasher(secrets.sender_hash, tenant, "message").of

    def key(source: str, message_id: str | None) -> bytes:
        return os.urandom(HASH_BYTES) if message_id is None else hashed(f"{source}\0{message_id}".encode())

    return key


def sealers(session: Session, secrets: Secrets, senders: Collection[bytes]) -> dict[bytes, Sealer]:
    """Return a sealer for each sender whose key exists; a forgotten or unknown sender is missing."""
    if not senders:
        return {}
    place = _place(session.tenant)
    found = session.rows(_SQL["sender_keys"], senders=b"".join(senders))
    opened = unwrap_keys(secrets.kek, {place + sender: wrapped for sender, wrapped in found})
    return dict(zip([sender for sender, _ in found], opened.values(), strict=True))


def ensure_sealers(
    session: Session, secrets: Secrets, senders: Collection[bytes], now: datetime
) -> dict[bytes, Sealer]:
    """Return a sealer for every sender; make the keys that are missing. The caller holds the log's lock."""
    found = sealers(session, secrets, senders)
    missing = sorted(set(senders) - found.keys())
    if missing:
        place = _place(session.tenant)
        made = make_keys(secrets.kek, [place + sender for sender in missing])
        fresh = [(sender, *made[place + sender]) for sender in missing]
        session.stage("sender_keys_in", _KEYS_IN, ((sender, wrapped) for sender, wrapped, _ in fresh), narrow=True)
        session.execute(_SQL["keep_sender_keys"], tenant=session.tenant, now=now)
        found |= {sender: sealer for sender, _, sealer in fresh}
    return found


def open_rests(session: Session, secrets: Secrets, events: Sequence[LoggedEvent]) -> list[bytes | None]:
    """Return what was sealed of each event, as JSON; None where nothing was, or where the key is destroyed."""
    keys = sealers(session, secrets, {event.sender for event in events if event.sealed is not None})
    return [
        keys[event.sender].open(event.sealed, event.message_key)
        if event.sealed is not None and event.sender in keys
        else None
        for event in events
    ]


def forget(session: Session, senders: Iterable[bytes], now: datetime) -> int:
    """Destroy the keys of senders, and with them all that was ever sealed of theirs; return how many."""
    return session.execute(_SQL["forget"], senders=list(senders), now=now)


def forgotten(session: Session, senders: Collection[bytes]) -> dict[bytes, datetime]:
    """Return when those of these senders were forgotten that ever were; what came in until then is nobody's now."""
    return dict(session.rows(_SQL["forgotten"], senders=list(senders))) if senders else {}


def _place(tenant: int) -> bytes:
    """A wrapped key is bound to its tenant and sender, who follows here: moved to another row it does not open."""
    return b"sender|%d|" % tenant
