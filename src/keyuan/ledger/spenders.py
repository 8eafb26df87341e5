"""Who can spend at an instant: for what happens to all holders of a book at once.

Deliberately not here: spending (`books`), and what one holder has (`reads`).
"""

from datetime import datetime

from keyuan.engines.database import Session, load_statements

_SQL = load_statements("keyuan.ledger", "spenders_queries.sql")


def able_to_spend(session: Session, book: tuple[str, str], points: int, at: datetime) -> list[int]:
    """Return the holders who can spend so many points of a book (brand, currency) at an instant, oldest account first.

    Only what they had been awarded by then counts, and is still free: asked again later, nobody is added
    (unless a hold was given back meanwhile).
    """
    brand, currency = book
    rows = session.rows(_SQL["able_to_spend"], brand=brand, currency=currency, points=points, at=at)
    return [holder for (holder,) in rows]
