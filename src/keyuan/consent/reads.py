"""Questions about consent, each one query for a whole batch of people."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from keyuan.consent.model import Purpose, Timeline
from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import to_us

_SQL = load_statements(__package__ or "")


def decisions_of(
    session: Session, people: Iterable[uuid.UUID], purposes: Iterable[Purpose]
) -> Mapping[tuple[uuid.UUID, Purpose], Timeline]:
    """Return the timelines of a batch of people; who never decided has none (and so allows nothing)."""
    found: dict[tuple[uuid.UUID, Purpose], list[tuple[int, bool]]] = {}
    wanted = [purpose.value for purpose in purposes]
    for person, purpose, effective_at, given in session.rows(_SQL["timelines"], people=list(people), purposes=wanted):
        found.setdefault((person, Purpose(purpose)), []).append((to_us(effective_at), given))
    return found


def people_in_force(session: Session, purpose: Purpose, at: datetime) -> list[uuid.UUID]:
    """Return the people whose newest decision effective at an instant gives consent for a purpose."""
    return [row[0] for row in session.rows(_SQL["people_in_force"], purpose=purpose.value, at=at)]
