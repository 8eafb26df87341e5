"""Writing consent records. They are never edited: a change of mind is a new record."""

from collections.abc import Iterable

from keyuan import events
from keyuan.consent.model import Decision, Record
from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import from_us

_SQL = load_statements(__package__ or "")
_COLUMNS = {
    "place": "int4",
    "person": "uuid",
    "purpose": "text",
    "given": "bool",
    "effective_at": "timestamptz",
    "evidence": "text",
}


def record(session: Session, records: Iterable[Record]) -> int:
    """Keep a batch of decisions and return how many are new; the same decision told again is kept once.

    Whoever keeps consents between batches is told; the caller holds the consumer's position (`events.notice`).
    """
    records = list(records)
    events.notice(session, [each.person for each in records])
    session.stage(
        "consent_in",
        _COLUMNS,
        (
            (
                place,
                each.person,
                each.purpose.value,
                each.decision is Decision.GIVEN,
                from_us(each.effective_at_us),
                each.evidence,
            )
            for place, each in enumerate(records)
        ),
    )
    return session.execute(_SQL["keep_records"], tenant=session.tenant)
