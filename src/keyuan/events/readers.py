"""Where each reader of the log is, and what it may no longer trust of what it keeps.

A reader's position moves in the transaction of its effects. Between transactions a reader may keep what it knows of
people, as long as nobody else read in its place (`Claim.undisturbed`) and nothing was said of them (`notice`).
"""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from keyuan.engines.database import Session, load_statements

_SQL = load_statements("keyuan.events")


class Claim(NamedTuple):
    """A reader's hold of its position.

    `at` is the time of the newest event it has passed; `undisturbed` if it was the last one to move the position.
    """

    seq: int
    at: datetime | None
    undisturbed: bool


def claim(session: Session, consumer: str, reader: uuid.UUID | None = None) -> Claim:
    """Return how far a consumer is, and keep others of its name waiting until this transaction ends."""
    row = session.row(_SQL["lock_position"], consumer=consumer)
    if row is None:
        session.execute(_SQL["make_position"], tenant=session.tenant, consumer=consumer)
        row = session.row(_SQL["lock_position"], consumer=consumer)
    seq, at, last_reader = row or (0, None, None)
    return Claim(seq, at, undisturbed=reader is not None and last_reader == reader)


def lock_position(session: Session, consumer: str) -> int:
    """Return how far a consumer is, as `claim`, for one that keeps nothing."""
    return claim(session, consumer).seq


def position(session: Session, consumer: str) -> int:
    """Return how far a consumer is, without waiting for it."""
    row = session.row(_SQL["position"], consumer=consumer)
    return row[0] if row else 0


def is_waiting(session: Session, consumer: str) -> bool:
    """Tell whether there are events after the place of a consumer, without claiming it."""
    row = session.row(_SQL["is_waiting"], consumer=consumer)
    return row is not None and row[0]


def advance(
    session: Session, consumer: str, seq: int, at: datetime | None = None, *, reader: uuid.UUID | None = None
) -> None:
    """Move a consumer's position forward past events of which the newest is of `at`; the caller holds it by `claim`."""
    session.execute(_SQL["advance"], consumer=consumer, seq=seq, at=at, reader=reader)


def notice(session: Session, people: Iterable[uuid.UUID]) -> None:
    """Say that what consumers may keep of these people is no longer so.

    Whoever writes something of people that a consumer keeps, and is not that consumer, says so in the same
    transaction, and holds the consumer's position (`claim`), so that none is at work meanwhile.
    """
    session.execute(_SQL["notice"], tenant=session.tenant, people=list(set(people)))


def take_notices(session: Session, consumer: str) -> set[uuid.UUID]:
    """Return the people of whom something was said since the last time, and take the notices down."""
    return {person for (person,) in session.rows(_SQL["take_notices"], consumer=consumer)}
