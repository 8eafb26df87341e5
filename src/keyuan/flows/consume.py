"""A consumer: an ordered reader of one tenant's log whose position moves together with its effects.

One transaction per batch, so each event takes effect exactly once, a crash repeats nothing, and replay, backfill and
live are one path. A batch that fails is rolled back and halved, and so is what is left of it, until one event stands
alone: what the others wait for is about one batch more. The single event that fails goes to quarantine in the
transaction that moves the position past it. An engine that does not answer is not the event's fault: the batch
is tried again as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from keyuan import events, ledger
from keyuan.engines.database import Database, Session
from keyuan.engines.secrets import Secrets
from keyuan.events import Event, RefusedBy
from keyuan.flows.crowd import Crowd
from keyuan.flows.places import CONSUMERS, POINTS, PORTRAITS
from keyuan.flows.take_points import take_points
from keyuan.flows.take_portraits import take_portraits
from keyuan.kernel.clock import ProgrammeClock, system_now, to_us
from keyuan.kernel.errors import CorruptionError, EngineError, KeyuanError

BATCH_MAX: Final = ledger.BATCH_MAX  # of more orders the ledger would refuse the awards, and the batch would be halved
# What a bad event can do to correct code; an engine's trouble and corruption are not among them.
POISON: Final = (KeyuanError, ValueError, TypeError, LookupError, ArithmeticError, AssertionError)

Take = Callable[[Session, Secrets, Sequence[Event], Crowd, int], None]
TAKES: dict[str, Take] = {POINTS: take_points, PORTRAITS: take_portraits}
"""What each consumer does with a batch."""


@dataclass(slots=True)
class Consumer:
    """One consumer of a tenant's log; `step` handles at most one batch.

    `suspects`: among so many of the next events is one that made a batch fail. `resting` if there was nothing to do the
    last time: then it looks before it claims its place, because a lock is written to disk, many times a second.
    """

    database: Database
    secrets: Secrets
    tenant: int
    name: str
    crowd: Crowd = field(default_factory=Crowd)
    suspects: int = 0
    tried: int = 0
    resting: bool = False

    def step(self, limit: int = BATCH_MAX) -> int:
        """Take the next batch in and return how many events it had; 0 when there are none.

        Raises:
            EngineError: the database does not answer; nothing was changed, try again.
            CorruptionError: stored data contradicts itself; somebody has to look.
        """
        size = min(limit, max(self.suspects // 2, 1)) if self.suspects else limit
        try:
            taken = self._batch(size)
        except (EngineError, CorruptionError):
            self.crowd.drop()
            raise
        except POISON as error:
            self.crowd.drop()
            if self.tried == 1:
                self.suspects = 0
                return self._put_aside(error)
            self.suspects = self.tried
            return self.step(limit)
        self.suspects = max(self.suspects - taken, 0)
        return taken

    def _batch(self, limit: int) -> int:
        self.tried = limit
        with self.database.transaction(self.tenant, behind=True) as session:
            if self.resting and not events.is_waiting(session, self.name):
                return 0
            claim = events.claim(session, self.name, self.crowd.reader)
            batch = events.follow(session, claim.seq, limit)
            if batch:
                self.tried = len(batch)
                self._recall(session, claim)
                self._advance(session, batch)
                now, clock = system_now(), events.read_clock(session)
                now_us = to_us(now_of(clock, claim, now))
                TAKES[self.name](session, self.secrets, batch, self.crowd, now_us)
                if clock.by_hand:
                    session.later(lambda session: events.follow_clock(session, CONSUMERS, now))
        self.resting = not batch
        return len(batch)

    def _recall(self, session: Session, claim: events.Claim) -> None:
        """Keep of the people what is still so."""
        if not claim.undisturbed:
            self.crowd.drop()
        self.crowd.forget(events.take_notices(session, self.name))
        self.crowd.trim()

    def _advance(self, session: Session, batch: Sequence[Event]) -> None:
        newest = max([event.at for event in batch])
        events.advance(session, self.name, batch[-1].seq, newest, reader=self.crowd.reader)

    def _put_aside(self, error: Exception) -> int:
        """Move past the one event that cannot be processed, with the reason; it can be replayed."""
        with self.database.transaction(self.tenant) as session:
            batch = events.read_after(session, events.lock_position(session, self.name), 1)
            for event in batch:
                refused = RefusedBy(self.name, system_now(), reason(error))
                events.refuse_logged(session, self.secrets, event, refused)
                self._advance(session, batch)
                events.follow_clock(session, CONSUMERS, refused.at)
        return len(batch)


def consumers(database: Database, secrets: Secrets, tenant: int) -> list[Consumer]:
    """Return all consumers of a tenant's log."""
    return [Consumer(database, secrets, tenant, name) for name in CONSUMERS]


def now_of(clock: ProgrammeClock, claim: events.Claim, system: datetime) -> datetime:
    """Return the programme's time as a consumer sees it.

    A clock kept by hand waits for the slowest consumer; the others are ahead of it, each at its newest event, so that
    what one does never depends on how far another is.
    """
    now = clock.now(system)
    return max(now, claim.at) if clock.by_hand and claim.at is not None else now


def reason(error: Exception) -> str:
    """Return why an event was refused, without any of its content: messages of others may quote it."""
    return error.message if isinstance(error, KeyuanError) else type(error).__name__
