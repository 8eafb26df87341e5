"""The consumer: the ordered reader of one tenant's log whose position moves together with its effects.

One transaction per batch, so each event takes effect exactly once, a crash repeats nothing, and replay, backfill and
live are one path. A batch that fails is rolled back and halved, and so is what is left of it, until one event stands
alone: what the others wait for is about one batch more. The single event that fails goes to quarantine in the
transaction that moves the position past it. An engine that does not answer is not the event's fault: the batch
is tried again as it is.
"""

from dataclasses import dataclass, field
from typing import Final

from keyuan import events
from keyuan.engines.database import Database, Session
from keyuan.engines.secrets import Secrets
from keyuan.flows.crowd import Crowd
from keyuan.flows.take_effect import take_effect
from keyuan.kernel.clock import system_now
from keyuan.kernel.errors import CorruptionError, EngineError, KeyuanError

NAME: Final = "main"
BATCH_MAX: Final = 2_000
# What a bad event can do to correct code; an engine's trouble and corruption are not among them.
POISON: Final = (KeyuanError, ValueError, TypeError, LookupError, ArithmeticError, AssertionError)


@dataclass(slots=True)
class Consumer:
    """The one consumer of a tenant's log; `step` handles at most one batch.

    `suspects`: among so many of the next events is one that made a batch fail.
    """

    database: Database
    secrets: Secrets
    tenant: int
    crowd: Crowd = field(default_factory=Crowd)
    suspects: int = 0
    tried: int = 0

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
            claim = events.claim(session, NAME, self.crowd.reader)
            batch = events.read_after(session, claim.seq, limit)
            if batch:
                self.tried = len(batch)
                self._recall(session, claim)
                events.advance(session, NAME, batch[-1].seq, self.crowd.reader)
                take_effect(session, self.secrets, batch, self.crowd)
        return len(batch)

    def _recall(self, session: Session, claim: events.Claim) -> None:
        """Keep of the people what is still so."""
        if not claim.undisturbed:
            self.crowd.drop()
        self.crowd.forget(events.take_notices(session))
        self.crowd.trim()

    def _put_aside(self, error: Exception) -> int:
        """Move past the one event that cannot be processed, with the reason; it can be replayed."""
        with self.database.transaction(self.tenant) as session:
            batch = events.read_after(session, events.lock_position(session, NAME), 1)
            for event in batch:
                events.refuse_logged(session, self.secrets, event, reason(error), system_now())
                events.advance(session, NAME, event.seq)
        return len(batch)


def reason(error: Exception) -> str:
    """Return why an event was refused, without any of its content: messages of others may quote it."""
    return error.message if isinstance(error, KeyuanError) else type(error).__name__
