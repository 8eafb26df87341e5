"""The consumers of a tenant's log, by name: portraits and points are two, so that they keep two cores busy.

Each has its own position, which moves with its own effects, and neither waits for the other. Whoever changes what
they keep of people holds the positions of both.
"""

from typing import Final

from keyuan import events
from keyuan.engines.database import Session

POINTS: Final = "points"
PORTRAITS: Final = "portraits"
CONSUMERS: Final = (POINTS, PORTRAITS)


def hold_all(session: Session) -> None:
    """Keep all consumers waiting until this transaction ends."""
    for consumer in CONSUMERS:
        events.lock_position(session, consumer)


def passed_by_all(session: Session) -> int:
    """Return the number of the event up to which everything has taken effect."""
    return min(events.position(session, consumer) for consumer in CONSUMERS)
