"""Writing programmes, members and what they earned a day."""

import secrets
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from keyuan.engines.database import Session, load_statements
from keyuan.loyalty.model import DayPoints, Programme

_SQL = load_statements(__package__ or "")
_HOLDER_BITS = 62


def create_programme(session: Session, programme: Programme) -> None:
    """Keep a programme and the first version of its earn rule; one that is there stays as it is."""
    rule = programme.rule
    session.execute(
        _SQL["keep_programme"],
        tenant=session.tenant,
        programme=programme.id,
        name=programme.name,
        brand=programme.brand,
        currency=programme.currency,
        money_currency=programme.money_currency,
    )
    session.execute(
        _SQL["keep_rule"],
        tenant=session.tenant,
        programme=programme.id,
        rule=rule.name,
        version=rule.version,
        minor_per_point=rule.minor_per_point,
        daily_cap=rule.daily_cap,
        doubled=sorted(rule.doubled_categories),
        expiry_months=rule.expiry_months,
    )


def enrol(session: Session, programme: str, people: Iterable[uuid.UUID], joined_at: datetime) -> int:
    """Give a holder to each person that has none yet, and return how many are new.

    A holder is a random number, so that nothing in the ledger tells who it is or when she joined.
    """
    session.stage(
        "member_in",
        {"person": "uuid", "holder": "int8"},
        ((person, secrets.randbits(_HOLDER_BITS)) for person in people),
    )
    return session.execute(_SQL["enrol"], tenant=session.tenant, programme=programme, joined_at=joined_at)


def lock_members(session: Session, programme: str, people: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, int]:
    """Return the holders of a batch of people, locked in order until the transaction ends.

    The lock makes the daily cap exact when a till and the consumer award the same member at the same time.
    """
    rows = session.rows(_SQL["lock_members"], programme=programme, people=list(people))
    return {person: holder for person, holder in rows}  # noqa: C416  # dict() of rows would not be typed


def note_earned(session: Session, programme: str, earned: DayPoints) -> None:
    """Keep the new totals per holder and day."""
    rows = ((holder, day, points) for (holder, day), points in earned.items())
    session.stage("earned_in", {"holder": "int8", "day": "int4", "points": "int8"}, rows)
    session.execute(_SQL["note_earned"], tenant=session.tenant, programme=programme)
