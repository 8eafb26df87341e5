"""Trying quarantined events again. A second replay has no second effect: the message keeps the key it had.

Deliberately not here: events that the consumer refused; `take_refused` hands their numbers to the one who processes.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.engines.secrets import Secrets
from keyuan.events.intake import DEFAULT_CURRENCY, Gate, Plan
from keyuan.events.log import append
from keyuan.events.model import Candidate, Policy, Receipt
from keyuan.events.senders import sealers

_SQL = load_statements("keyuan.events")


def requeue(
    session: Session, secrets: Secrets, ids: Sequence[UUID], system_now: datetime, plan: Plan | None = None
) -> Receipt:
    """Judge quarantined events anew and append what is acceptable now; the others stay open.

    Events that are not open any more, that the consumer refused, or whose sender was forgotten are left out.
    """
    appended = repeats = refused = 0
    for identity, candidate, shift in _candidates(session, secrets, ids, plan):
        receipt = append(session, secrets, [candidate], Policy(system_now=system_now, shift=shift))
        appended += receipt.appended
        repeats += receipt.repeats
        refused += receipt.quarantined
        if receipt.quarantined == 0:
            session.execute(_SQL["set_quarantine_state"], state="replayed", ids=[identity])
    return Receipt(appended, repeats, refused)


def take_refused(session: Session, ids: Sequence[UUID]) -> list[int]:
    """Return the log numbers of open events that the consumer refused, and mark them as replayed.

    The caller processes them in this same transaction; if that fails, nothing of this has happened.
    """
    rows = session.rows(_SQL["refused_by_consumer"], ids=list(ids))
    session.execute(_SQL["set_quarantine_state"], state="replayed", ids=[identity for identity, _ in rows])
    return [seq for _, seq in rows]


def _candidates(
    session: Session, secrets: Secrets, ids: Sequence[UUID], plan: Plan | None
) -> list[tuple[UUID, Candidate, bool]]:
    rows = session.rows(_SQL["quarantined_raw"], ids=list(ids))
    keys = sealers(session, secrets, {row[4] for row in rows})
    gates = {source: _gate(session, source, plan) for source in {row[2] for row in rows}}
    found: list[tuple[UUID, Candidate, bool]] = []
    for identity, received_at, source, message_key, sender, digest, shift, sealed in rows:
        raw = keys[sender].open(sealed, digest) if sender in keys else None
        if raw is not None:
            candidate = Candidate(raw, source, received_at, gates[source].judge(raw), message_key)
            found.append((identity, candidate, shift))
    return found


def _gate(session: Session, source: str, plan: Plan | None) -> Gate:
    """Return the gate that the source's events passed first, with the plan of today."""
    row = session.row(_SQL["currency_of_source"], source=source)
    return Gate(source=source, currency=row[0] if row else DEFAULT_CURRENCY, plan=plan)
