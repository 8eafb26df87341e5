"""Reading the log in order.

Deliberately not here: where each reader is (`readers`), and what it does with an event.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from keyuan.engines.database import Session, load_statements
from keyuan.events.model import Event, LoggedEvent, Order, read_order

_SQL = load_statements("keyuan.events")
BATCH_MAX = 4_000


def follow(session: Session, seq: int, limit: int = BATCH_MAX) -> list[Event]:
    """Return what a consumer needs of the next events after a place in the log, in order."""
    return [Event(*row) for row in session.rows(_SQL["follow"], seq=seq, limit=limit)]


def read_after(session: Session, seq: int, limit: int = BATCH_MAX) -> list[LoggedEvent]:
    """Return the next events after a place in the log, in order, each as a whole."""
    return [LoggedEvent(*row) for row in session.rows(_SQL["read_after"], seq=seq, limit=limit)]


def read_seqs(session: Session, seqs: Sequence[int]) -> list[LoggedEvent]:
    """Return the events with these numbers, in order; unknown numbers are left out."""
    return [LoggedEvent(*row) for row in session.rows(_SQL["by_seq"], seqs=list(seqs))]


def orders_at(session: Session, senders: Sequence[bytes], instants: Sequence[datetime]) -> list[Order]:
    """Return the orders that came from some senders and happened at one of these instants."""
    rows = session.rows(_SQL["orders_at"], senders=list(senders), instants=list(instants))
    return [read_order(body) for (body,) in rows]


def last_seq(session: Session) -> int:
    """Return the highest number in the log, 0 if it is empty."""
    row = session.row(_SQL["last_seq"])
    return (row[0] if row else None) or 0


def log_exists(session: Session) -> bool:
    """Tell whether the log is there, that is whether this database was migrated."""
    row = session.row(_SQL["log_exists"])
    return row is not None and row[0]


def count_kinds(session: Session) -> dict[str, int]:
    """Return how many events of each kind the log holds."""
    return dict(session.rows(_SQL["count_kinds"]))


class OrderTotals(NamedTuple):
    """What the orders before an instant add up to; `total_minor` mixes currencies if a tenant has several."""

    orders: int
    lines: int
    total_minor: int


def order_totals(session: Session, before: datetime) -> OrderTotals:
    """Return number, lines and amount of the order events before an instant, read from the log itself."""
    return OrderTotals._make(session.row(_SQL["order_totals"], before=before) or (0, 0, 0))


def senders_before(session: Session, before: datetime) -> list[bytes]:
    """Return everybody from whom an event came before an instant, in no order."""
    return [sender for (sender,) in session.rows(_SQL["senders_before"], before=before)]


def seqs_of(session: Session, senders: Iterable[bytes]) -> list[int]:
    """Return the numbers of all events of some senders, in order."""
    return [seq for (seq,) in session.rows(_SQL["seqs_of"], senders=list(senders))]
