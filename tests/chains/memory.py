"""An outbox's store in memory, strict about what a table would be strict about."""

from collections.abc import Sequence
from dataclasses import replace

from keyuan.engines.chain.outbox import Attempt, State


class MemoryStore:
    """Rows by (job, attempt); every method is on disk when it returns, so to speak."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Attempt] = {}

    def open_attempts(self) -> Sequence[Attempt]:
        found = [row for row in self.rows.values() if row.is_open]
        return sorted(found, key=lambda row: (row.nonce, row.attempt))

    def of_job(self, job: str) -> Sequence[Attempt]:
        return sorted((row for row in self.rows.values() if row.job == job), key=lambda row: row.attempt)

    def highest_nonce(self) -> int | None:
        return max((row.nonce for row in self.rows.values() if row.state is not State.GONE), default=None)

    def add(self, attempt: Attempt) -> None:
        assert (attempt.job, attempt.attempt) not in self.rows
        assert attempt.hash not in {row.hash for row in self.rows.values()}
        self.rows[attempt.job, attempt.attempt] = attempt

    def update(self, attempt: Attempt) -> None:
        kept = self.rows[attempt.job, attempt.attempt]
        assert kept.is_open
        mutable = {
            name: getattr(attempt, name) for name in ("state", "sent_us", "block_number", "block_hash", "succeeded")
        }
        assert replace(kept, **mutable) == attempt, "only what may change has changed"
        self.rows[attempt.job, attempt.attempt] = attempt
