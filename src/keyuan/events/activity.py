"""Who came when: weeks of all customers, and the history of one.

A customer here is a sender: who has bought as a guest and under a name is two until the names are joined in portraits.
Deliberately not here: what was earned (`ledger`), and portraits (`profiles`).
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from keyuan.engines.database import Session, load_statements
from keyuan.events.model import Event

_SQL = load_statements("keyuan.events", "activity_queries.sql")


class Week(NamedTuple):
    """Customers with an order in one week (Monday 00:00 UTC on), by when they had come before; `gone` did not come."""

    monday: datetime
    stayed: int
    returned: int
    new: int
    gone: int

    @property
    def came(self) -> int:
        """Everybody who came this week."""
        return self.stayed + self.returned + self.new


def weeks(session: Session, until: datetime) -> list[Week]:
    """Return all weeks before an instant in which somebody came; the whole log is read, so keep the answer."""
    return [Week._make(row) for row in session.rows(_SQL["weeks"], until=until)]


def history(session: Session, senders: Collection[bytes], limit: int) -> list[Event]:
    """Return the newest events of a person's senders, newest first."""
    return [Event(*row) for row in session.rows(_SQL["history"], senders=list(senders), limit=limit)]


def orders_per_sender(
    session: Session, senders: Collection[bytes], since: datetime, until: datetime
) -> dict[bytes, int]:
    """Return how many orders came from each of these senders in a stretch of time; who placed none is missing."""
    return dict(session.rows(_SQL["orders_per_sender"], senders=list(senders), since=since, until=until))
