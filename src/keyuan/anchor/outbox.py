"""The outbox's rows: transactions for a chain, kept as bytes before they are sent.

Deliberately not here: what is made of them (`engines.chain.outbox`), and the transactions of the database.
"""

from typing import NamedTuple

from keyuan.engines.chain.model import Call
from keyuan.engines.chain.outbox import Attempt, State
from keyuan.engines.database import Row, Session, load_statements

_SQL = load_statements(__package__ or "")


class Final(NamedTuple):
    """How many epochs are final in a contract on a chain, as far as the outbox has seen."""

    chain_id: int
    contract: bytes
    epochs: int


def anchor_job(tenant: int, epoch: int | str) -> str:
    """Return the name under which an epoch of a tenant is anchored."""
    return f"anchor:{tenant}:{epoch}"


def final_anchors(session: Session) -> list[Final]:
    """Return what was anchored for good of this tenant, by contract; a ledger has one."""
    prefix = anchor_job(session.tenant, "")
    return [Final._make(row) for row in session.rows(_SQL["final_anchors"], prefix=prefix)]


def open_attempts(session: Session, chain_id: int, sender: bytes) -> list[Attempt]:
    """Return all attempts that can still change, by nonce and then by attempt."""
    return [_attempt(row) for row in session.rows(_SQL["attempts_open"], chain_id=chain_id, sender=sender)]


def attempts_of(session: Session, chain_id: int, sender: bytes, job: str) -> list[Attempt]:
    """Return all attempts of a job, by attempt."""
    rows = session.rows(_SQL["attempts_of_job"], chain_id=chain_id, sender=sender, job=job)
    return [_attempt(row) for row in rows]


def highest_nonce(session: Session, chain_id: int, sender: bytes) -> int | None:
    """Return the highest nonce of any attempt that is not gone, None without any."""
    row = session.row(_SQL["highest_nonce"], chain_id=chain_id, sender=sender)
    return row[0] if row else None


def add_attempt(session: Session, attempt: Attempt) -> None:
    """Keep a new attempt."""
    session.execute(
        _SQL["add_attempt"],
        tenant=session.tenant,
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


def keep_attempt(session: Session, attempt: Attempt) -> None:
    """Keep what has changed of an attempt."""
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
