"""Quarantined events are tried again; what has taken effect already does not do so twice.

Two kinds wait there: what the gate refused goes through validate-and-append anew and reaches the log; what a
consumer refused is in the log and takes effect now, in the transaction that marks it as replayed.
"""

from typing import NamedTuple

from keyuan import events
from keyuan.engines.database import Database, Session
from keyuan.engines.secrets import Secrets
from keyuan.events.model import Quarantined
from keyuan.flows.consume import POISON, TAKES, now_of
from keyuan.flows.crowd import Crowd
from keyuan.kernel.clock import system_now, to_us
from keyuan.kernel.errors import CorruptionError, EngineError

ROUND_MAX = 100_000
"""Most events that one round tries; more are tried by the next one."""


class Replayed(NamedTuple):
    """What became of the events that were tried again."""

    tried: int
    appended: int
    repeats: int
    processed: int
    still_refused: int


def replay(database: Database, secrets: Secrets, tenant: int, *, reason: str | None = None) -> Replayed:
    """Try every open quarantined event again, each in a transaction of its own, oldest first."""
    with database.transaction(tenant) as session:
        waiting = events.quarantined(session, reason=reason, limit=ROUND_MAX)
    appended = repeats = processed = refused = 0
    for item in waiting:
        with database.transaction(tenant) as session:
            if item.seq is None:
                receipt = events.requeue(session, secrets, [item.id], system_now())
                appended += receipt.appended
                repeats += receipt.repeats
                refused += receipt.quarantined
                continue
        done = _process(database, secrets, tenant, item)
        processed += done
        refused += not done
    return Replayed(len(waiting), appended, repeats, processed, refused)


def _process(database: Database, secrets: Secrets, tenant: int, item: Quarantined) -> bool:
    try:
        with database.transaction(tenant) as session:
            _take(session, secrets, item)
    except (EngineError, CorruptionError):
        raise
    except POISON:
        return False
    return True


def _take(session: Session, secrets: Secrets, item: Quarantined) -> None:
    """Let an event take the effect that one consumer refused; its place is held, so that it rests meanwhile."""
    if item.consumer is None:
        raise AssertionError("only a consumer refuses what is in the log")
    claim = events.claim(session, item.consumer)
    batch = events.read_seqs(session, events.take_refused(session, [item.id]))
    if batch:
        crowd, now = Crowd(), system_now()
        TAKES[item.consumer](session, secrets, batch, crowd, to_us(now_of(events.read_clock(session), claim, now)))
        events.notice(session, [person.id for person in crowd.senders.values()])
