"""Questions about programmes and their members."""

import uuid
from collections.abc import Iterable

from keyuan.engines.database import Row, Session, load_statements
from keyuan.kernel.clock import to_us
from keyuan.loyalty.model import EarnRule, Programme, UnknownProgrammeError

_SQL = load_statements(__package__ or "")


def programmes(session: Session) -> list[Programme]:
    """Return the tenant's programmes, each with its newest rule, in the order of their ids."""
    return [_programme(row) for row in session.rows(_SQL["programmes"])]


def programme(session: Session, programme_id: str) -> Programme:
    """Return one programme with its newest rule.

    Raises:
        UnknownProgrammeError: this tenant has none of that name.
    """
    for found in programmes(session):
        if found.id == programme_id:
            return found
    raise UnknownProgrammeError(programme=programme_id)


def versions(session: Session) -> list[Programme]:
    """Return the tenant's programmes once for each version of each rule, the versions of a rule in a row, in order."""
    return [_programme(row) for row in session.rows(_SQL["versions"])]


def people(session: Session, programme_id: str, holders: Iterable[int]) -> dict[int, uuid.UUID]:
    """Return who stands behind holders of a programme."""
    return dict(session.rows(_SQL["people"], programme=programme_id, holders=list(holders)))


def _programme(row: Row) -> Programme:
    (
        programme_id,
        name,
        brand,
        currency,
        money_currency,
        rule,
        version,
        minor_per_point,
        cap,
        doubled,
        months,
        starts_at,
    ) = row
    earn = EarnRule(rule, version, minor_per_point, cap, frozenset(doubled), months, to_us(starts_at))
    return Programme(programme_id, name, brand, currency, money_currency, earn)


def holders(session: Session, programme_id: str, people: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the holders of the people who joined."""
    rows = session.rows(_SQL["holders"], programme=programme_id, people=list(people))
    return {person: holder for person, holder in rows}  # noqa: C416  # dict() of rows would not be typed
