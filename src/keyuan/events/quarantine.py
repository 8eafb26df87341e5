"""Quarantine: events that were refused, with the reason, sealed, to be looked at and tried again.

Two ways in: at the gate (the raw event is kept, sealed under its sender's key if one can be read), or by a consumer
(the event is in the log already; only its number is kept, and who refused it).
Deliberately not here: trying again (`replay.py`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.engines.secrets import Sealer, Secrets, keyed_hash
from keyuan.events.intake.peek import peek
from keyuan.events.model import NOBODY, Candidate, LoggedEvent, Quarantined, Reason, Refusal
from keyuan.events.senders import UNKNOWN, message_key_of
from keyuan.kernel.ids import new_id

Keys = Mapping[bytes, Sealer]

_SQL = load_statements("keyuan.events")
_QUARANTINE_IN = {
    "id": "uuid",
    "received_at": "timestamptz",
    "source": "text",
    "message_key": "bytea",
    "sender": "bytea",
    "digest": "bytea",
    "reason": "text",
    "detail": "text",
    "raw": "bytea",
    "seq": "int8",
    "consumer": "text",
    "shift": "bool",
    "times": "int4",
}
DETAIL_MAX = 500


class TurnedAway(NamedTuple):
    """A candidate on its way to quarantine."""

    message_key: bytes
    sender: bytes
    digest: bytes
    candidate: Candidate
    refusal: Refusal


class RefusedBy(NamedTuple):
    """Which consumer refused an event, when and why; `detail` must hold no personal data."""

    consumer: str
    at: datetime
    detail: str


def refused_at_gate(tenant: int, secrets: Secrets, candidate: Candidate, refusal: Refusal) -> TurnedAway:
    """Return a refused candidate with what can be read of its sender and message id."""
    seen = peek(candidate.raw)
    if seen.user_id is not None:
        sender = secrets.sender(tenant, "user", seen.user_id)
    elif seen.anonymous_id is not None:
        sender = secrets.sender(tenant, "anonymous", seen.anonymous_id)
    else:
        sender = secrets.sender(tenant, UNKNOWN, "")
    message_key = candidate.message_key or message_key_of(tenant, secrets)(candidate.source, seen.message_id)
    return turned_away(tenant, secrets, message_key, sender, candidate, refusal)


def turned_away(
    tenant: int, secrets: Secrets, message_key: bytes, sender: bytes, candidate: Candidate, refusal: Refusal
) -> TurnedAway:
    """Return a candidate on its way to quarantine, named by its source and bytes."""
    if sender == NOBODY:
        sender = secrets.sender(tenant, UNKNOWN, "")
    digest = keyed_hash(secrets.sender_hash, tenant, "raw", candidate.source.encode() + b"\0" + candidate.raw)
    return TurnedAway(message_key, sender, digest, candidate, refusal)


def keep(session: Session, refused: Sequence[TurnedAway], keys: Keys, *, shift: bool) -> None:
    """Write refused candidates; the same bytes twice are one row that counts."""
    if not refused:
        return
    times = Counter(each.digest for each in refused)
    last = {each.digest: each for each in refused}
    rows = [(*_row(each, keys), shift, times[each.digest]) for each in last.values()]
    session.stage("quarantine_in", _QUARANTINE_IN, rows)
    session.execute(_SQL["quarantine"], tenant=session.tenant)


def _row(each: TurnedAway, keys: Keys) -> tuple[object, ...]:
    candidate, refusal = each.candidate, each.refusal
    return (
        new_id(),
        candidate.received_at,
        candidate.source,
        each.message_key,
        each.sender,
        each.digest,
        refusal.reason.value,
        refusal.detail[:DETAIL_MAX],
        keys[each.sender].seal(candidate.raw, each.digest),
        None,
        None,
    )


def refuse_logged(session: Session, secrets: Secrets, event: LoggedEvent, refused: RefusedBy) -> None:
    """Put an event aside that is in the log but cannot be processed by one of its consumers."""
    name = b"%d|%s" % (event.seq, refused.consumer.encode())
    digest = keyed_hash(secrets.sender_hash, session.tenant, "seq", name)
    reason, detail = Reason.PROCESSING.value, refused.detail[:DETAIL_MAX]
    row = (new_id(), refused.at, event.source, event.message_key, event.sender, digest, reason, detail)
    session.stage("quarantine_in", _QUARANTINE_IN, [(*row, None, event.seq, refused.consumer, False, 1)])
    session.execute(_SQL["quarantine"], tenant=session.tenant)


def quarantined(
    session: Session, *, state: str | None = "open", reason: str | None = None, limit: int = 1000
) -> list[Quarantined]:
    """Return refused events, oldest first."""
    return [Quarantined(*row) for row in session.rows(_SQL["quarantined"], state=state, reason=reason, limit=limit)]


def open_counts(session: Session) -> dict[str, int]:
    """Return how many open refusals there are, by reason."""
    return dict(session.rows(_SQL["quarantine_counts"]))


def drop(session: Session, ids: Sequence[UUID]) -> int:
    """Give up refused events for good; they stay listed as dropped."""
    return session.execute(_SQL["set_quarantine_state"], state="dropped", ids=list(ids))
