"""Writing programmes and members."""

import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime

from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import from_us
from keyuan.loyalty.model import Programme

_SQL = load_statements(__package__ or "")
_HOLDER_MAX = 2**62


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
        starts_at=from_us(rule.starts_at_us),
    )


def enrol(session: Session, programme: str, people: Iterable[uuid.UUID], joined_at: datetime) -> int:
    """Give a holder to each person that has none yet, and return how many are new.

    A holder is a random number, so that nothing in the ledger tells who it is or when she joined.
    """
    session.stage(
        "member_in",
        {"person": "uuid", "holder": "int8"},
        ((person, secrets.randbelow(_HOLDER_MAX) + 1) for person in people),
    )
    return session.execute(_SQL["enrol"], tenant=session.tenant, programme=programme, joined_at=joined_at)
