"""Questions about programmes and what members earned."""

from collections.abc import Iterable

from keyuan.engines.database import Session, load_statements
from keyuan.loyalty.model import EarnRule, Programme, UnknownProgrammeError

_SQL = load_statements(__package__ or "")


def programme(session: Session, programme_id: str) -> Programme:
    """Return a programme with its newest rule.

    Raises:
        UnknownProgrammeError: this tenant has none of that name.
    """
    row = session.row(_SQL["programme"], programme=programme_id)
    if row is None:
        raise UnknownProgrammeError(programme=programme_id)
    name, brand, currency, money_currency, rule, version, minor_per_point, cap, doubled, months = row
    earn = EarnRule(rule, version, minor_per_point, cap, frozenset(doubled), months)
    return Programme(programme_id, name, brand, currency, money_currency, earn)


def earned_days(session: Session, programme_id: str, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Return the points earned so far for pairs of holder and day; pairs without any are left out."""
    wanted = list(pairs)
    rows = session.rows(
        _SQL["earned_days"],
        programme=programme_id,
        holders=[holder for holder, _ in wanted],
        days=[day for _, day in wanted],
    )
    return {(holder, day): points for holder, day, points in rows}
