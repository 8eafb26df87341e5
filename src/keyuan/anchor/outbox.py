"""The outbox's rows in PostgreSQL; each method is a transaction of its own, on disk when it returns.

Deliberately not here: what is made of them (`engines.chain.outbox`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keyuan.engines.chain.model import Call
from keyuan.engines.chain.outbox import Attempt, State
from keyuan.engines.database import Database, Row, load_statements

_SQL = load_statements(__package__ or "")


@dataclass(frozen=True, slots=True)
class StoredOutbox:
    """What one sender has to do on one chain for one tenant."""

    database: Database
    tenant: int
    chain_id: int
    sender: bytes

    def open_attempts(self) -> Sequence[Attempt]:
        """Return all attempts that can still change, by nonce and then by attempt."""
        with self.database.transaction(self.tenant) as session:
            rows = session.rows(_SQL["attempts_open"], chain_id=self.chain_id, sender=self.sender)
        return [_attempt(row) for row in rows]

    def of_job(self, job: str) -> Sequence[Attempt]:
        """Return all attempts of a job, by attempt."""
        with self.database.transaction(self.tenant) as session:
            rows = session.rows(_SQL["attempts_of_job"], chain_id=self.chain_id, sender=self.sender, job=job)
        return [_attempt(row) for row in rows]

    def highest_nonce(self) -> int | None:
        """Return the highest nonce of any attempt that is not gone, None without any."""
        with self.database.transaction(self.tenant) as session:
            row = session.row(_SQL["highest_nonce"], chain_id=self.chain_id, sender=self.sender)
        return row[0] if row else None

    def add(self, attempt: Attempt) -> None:
        """Keep a new attempt."""
        with self.database.transaction(self.tenant) as session:
            session.execute(
                _SQL["add_attempt"],
                tenant=self.tenant,
                chain_id=attempt.chain_id,
                job=attempt.job,
                attempt=attempt.attempt,
                sender=attempt.sender,
                nonce=attempt.nonce,
                target=attempt.call.to,
                data=attempt.call.data,
                gas=attempt.call.gas,
                raw=attempt.raw,
                hash=attempt.hash,
                fee=str(attempt.fee),
                signed_us=attempt.signed_us,
                state=int(attempt.state),
            )

    def update(self, attempt: Attempt) -> None:
        """Keep what has changed of an attempt."""
        with self.database.transaction(self.tenant) as session:
            session.execute(
                _SQL["keep_attempt"],
                chain_id=attempt.chain_id,
                job=attempt.job,
                attempt=attempt.attempt,
                state=int(attempt.state),
                sent_us=attempt.sent_us,
                block_number=attempt.block_number,
                block_hash=attempt.block_hash,
                succeeded=attempt.succeeded,
            )


def _attempt(row: Row) -> Attempt:
    (chain_id, job, number, sender, nonce, target, data, gas, raw, digest, fee, signed_us, state, sent_us,
     block_number, block_hash, succeeded) = row  # fmt: skip
    return Attempt(
        chain_id=chain_id,
        job=job,
        attempt=number,
        sender=sender,
        nonce=nonce,
        call=Call(target, data, gas),
        raw=raw,
        hash=digest,
        fee=int(fee),
        signed_us=signed_us,
        state=State(state),
        sent_us=sent_us,
        block_number=block_number,
        block_hash=block_hash,
        succeeded=succeeded,
    )
