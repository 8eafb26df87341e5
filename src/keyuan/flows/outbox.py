"""The outbox of one tenant's publisher on one chain: each step is a transaction of its own, on disk when it returns."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyuan.anchor import outbox
from keyuan.engines.chain.outbox import Attempt
from keyuan.engines.database import Database


@dataclass(frozen=True, slots=True)
class StoredOutbox:
    """The rows of one sender on one chain (an `OutboxStore`)."""

    database: Database
    tenant: int
    chain_id: int
    sender: bytes

    def open_attempts(self) -> Sequence[Attempt]:
        """Return all attempts that can still change, by nonce and then by attempt."""
        with self.database.transaction(self.tenant) as session:
            return outbox.open_attempts(session, self.chain_id, self.sender)

    def of_job(self, job: str) -> Sequence[Attempt]:
        """Return all attempts of a job, by attempt."""
        with self.database.transaction(self.tenant) as session:
            return outbox.attempts_of(session, self.chain_id, self.sender, job)

    def highest_nonce(self) -> int | None:
        """Return the highest nonce of any attempt that is not gone, None without any."""
        with self.database.transaction(self.tenant) as session:
            return outbox.highest_nonce(session, self.chain_id, self.sender)

    def add(self, attempt: Attempt) -> None:
        """Keep a new attempt."""
        with self.database.transaction(self.tenant) as session:
            outbox.add_attempt(session, attempt)

    def update(self, attempt: Attempt) -> None:
        """Keep what has changed of an attempt."""
        with self.database.transaction(self.tenant) as session:
            outbox.keep_attempt(session, attempt)
