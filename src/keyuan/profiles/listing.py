"""Lists of people with their traits, page by page in both directions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import to_us
from keyuan.profiles.state import decode
from keyuan.profiles.traits import Values, evaluate

_SQL = load_statements("keyuan.profiles", "listing_queries.sql")


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """One line of a list: the values of her traits as of her portrait, in the order of the catalogue."""

    person: UUID
    as_of: datetime
    values: Values


def listed(
    session: Session, limit: int, *, before: UUID | None = None, after: UUID | None = None
) -> list[ListedPerson]:
    """Return people with a portrait, newest first: the page after `before`, or the one that ends at `after`."""
    rows = session.rows(_SQL["page_up"], after=after, limit=limit) if after else session.rows(
        _SQL["page_down"], before=before, limit=limit
    )  # fmt: skip
    people = [ListedPerson(person, as_of, evaluate(decode(body), to_us(as_of))) for person, as_of, body in rows]
    return people[::-1] if after else people


def count_everybody(session: Session) -> int:
    """Return how many people there are, with a portrait or without."""
    row = session.row(_SQL["count_everybody"])
    return row[0] if row else 0


def is_known(session: Session, person: UUID) -> bool:
    """Tell whether there is such a person, with a portrait or without."""
    return session.row(_SQL["is_known"], person=person) is not None


def newest_instant(session: Session) -> datetime | None:
    """Return the latest instant that any portrait is of."""
    row = session.row(_SQL["newest_instant"])
    return row[0] if row else None
