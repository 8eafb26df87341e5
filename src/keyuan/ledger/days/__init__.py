"""What each day brought: points issued, redeemed and expired, from entries alone.

For those who follow the ledger from outside and keep their own position in it. Deliberately not here: who holds them.
Units: points (int); a day is one of UTC.
"""

from datetime import date
from typing import NamedTuple

from keyuan.engines.database import Session, load_statements

_SQL = load_statements("keyuan.ledger.days")


class DayPoints(NamedTuple):
    """What was issued, redeemed and expired on a day, in one book."""

    day: date
    brand: str
    currency: str
    issued: int
    redeemed: int
    expired: int


def points_by_day(session: Session, after: int, upto: int) -> list[DayPoints]:
    """What the entries of (after, upto] add up to, one row per day and book, by day."""
    return [DayPoints._make(row) for row in session.rows(_SQL["points_by_day"], after=after, upto=upto)]
