"""What an outbox needs of its store. Each method is a transaction of its own, on disk when it returns.

Deliberately not here: an implementation; the table is the caller's. One process at a time uses an outbox.
"""

from collections.abc import Sequence
from typing import Protocol

from keyuan.engines.chain.outbox.model import Attempt


class OutboxStore(Protocol):
    """The rows of one chain and one sender."""

    def open_attempts(self) -> Sequence[Attempt]:
        """Return all attempts that are SIGNED, SENT or MINED, by nonce and then by attempt."""
        ...

    def of_job(self, job: str) -> Sequence[Attempt]:
        """Return all attempts of a job, by attempt."""
        ...

    def highest_nonce(self) -> int | None:
        """Return the highest nonce of any attempt that is not GONE, None without any."""
        ...

    def add(self, attempt: Attempt) -> None:
        """Keep a new attempt; one with this job and number, or this hash, must not exist."""
        ...

    def update(self, attempt: Attempt) -> None:
        """Keep what has changed of an attempt: state, sent_us, block_number, block_hash, succeeded."""
        ...
