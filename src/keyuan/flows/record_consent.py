"""People decide: consent is recorded, members join, and a withdrawal takes effect at once."""

import uuid
from collections.abc import Iterable, Sequence

from keyuan import consent, loyalty, segments
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.database import Session
from keyuan.flows.places import hold_all
from keyuan.kernel.clock import from_us
from keyuan.profiles import store as portraits


def record_consent(session: Session, records: Sequence[Record]) -> int:
    """Keep decisions and do what follows from them; return how many are new.

    Agreeing to `loyalty` joins every programme; withdrawing `personalisation` deletes the portrait and ends every
    stay in a segment. Points already earned stay the person's. The consumers' places are held, so that no batch
    that read the consents before makes a portrait after.
    """
    hold_all(session)
    new = consent.record(session, records)
    joined = _said(records, Purpose.LOYALTY, Decision.GIVEN)
    for programme in loyalty.programmes(session):
        for effective_at_us in sorted(set(joined.values())):
            people = [person for person, at_us in joined.items() if at_us == effective_at_us]
            loyalty.enrol(session, programme.id, people, from_us(effective_at_us))
    left = _said(records, Purpose.PERSONALISATION, Decision.WITHDRAWN)
    if left:
        portraits.forget_traits(session, list(left))
        for person, at_us in left.items():
            segments.leave_all(session, [person], from_us(at_us))
    return new


def _said(records: Iterable[Record], purpose: Purpose, decision: Decision) -> dict[uuid.UUID, int]:
    return {
        each.person: each.effective_at_us for each in records if each.purpose is purpose and each.decision is decision
    }
