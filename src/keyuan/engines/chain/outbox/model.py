"""What lies in the outbox, and what is made of what a chain shows. Pure: no clock, no network, no store.

A *job* is something that must happen on the chain once, by its name: `anchor:7`, `deploy:LedgerAnchor`. An *attempt*
is one signed transaction for it, kept as bytes before it is sent and never changed. Attempts that share a nonce exclude
each other on the chain, so a job may raise its fee by a second one; a job takes another nonce only after its first is
gone for good. Times are microseconds since 1970.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from keyuan.engines.chain.model import Call, Fees, Receipt

_S: Final = 1_000_000


class State(IntEnum):
    """How far an attempt is. MINED may fall back to SENT; FINAL and GONE are the end."""

    SIGNED = 1
    """Kept; perhaps sent, perhaps not."""
    SENT = 2
    """A node took it, and it stands in no block."""
    MINED = 3
    """It stands in a block that may still be replaced."""
    FINAL = 4
    """It stands in a block that is deep enough. `succeeded` says how it went."""
    GONE = 5
    """Another transaction has its nonce, and that one is final: it can never be mined."""


OPEN: Final = frozenset({State.SIGNED, State.SENT, State.MINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One signed transaction: a row of the outbox. Its key is (chain_id, job, attempt)."""

    chain_id: int
    job: str
    attempt: int
    sender: bytes
    nonce: int
    call: Call
    """What it does; its gas is set."""
    raw: bytes
    hash: bytes
    fee: int
    """The most it pays per gas, in wei."""
    signed_us: int
    state: State = State.SIGNED
    sent_us: int | None = None
    """When it was last handed to a node, None for never or not since it fell out of a block."""
    block_number: int | None = None
    block_hash: bytes | None = None
    succeeded: bool | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still change."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When to act. A node is told again after `again_s`; the fee is raised after `raise_s` without a block."""

    again_s: float = 15.0
    raise_s: float = 180.0
    raise_bps: int = 12_500
    """Of the fee before; nodes replace a transaction only for 10 % more or better."""
    fee_max: int = 500 * 10**9
    """Never offered more per gas, in wei."""
    gas_margin_bps: int = 12_000
    """Of the estimate, for a job that does not name its gas."""

    def again(self, attempt: Attempt, now_us: int) -> bool:
        """Whether a node is to be told of it now."""
        return attempt.sent_us is None or now_us - attempt.sent_us >= self.again_s * _S

    def raised(self, newest: Attempt, now: Fees) -> Fees | None:
        """The fees of the next attempt at the same nonce when they have risen beyond this one's, else None."""
        if newest.fee >= min(now.highest, self.fee_max):
            return None
        highest = min(self.fee_max, max(now.highest, newest.fee * self.raise_bps // 10_000 + 1))
        # A smaller rise no node takes; the fee stands at its limit then.
        return None if highest * 10 < newest.fee * 11 else Fees(highest, min(highest, 2 * now.priority))

    def is_stuck(self, newest: Attempt, now_us: int) -> bool:
        """Whether an attempt has been out of blocks so long that its fee is looked at."""
        return now_us - newest.signed_us >= self.raise_s * _S


def same_work(one: Call, other: Call) -> bool:
    """Whether two calls do the same; the gas they may use is left out."""
    return (one.to, one.data) == (other.to, other.data)


def looked_at(attempt: Attempt, receipt: Receipt | None) -> Attempt:
    """The attempt after a look for its receipt: without one it is pending, whatever it was before."""
    if receipt is None:
        if attempt.state is not State.MINED:
            return attempt
        # A reorg took it out. No node puts it back by itself, so it is told of at once.
        return replace(attempt, state=State.SENT, sent_us=None, block_number=None, block_hash=None, succeeded=None)
    return replace(
        attempt,
        state=State.MINED,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        succeeded=receipt.succeeded,
    )


def settled(attempt: Attempt, head_number: int, block_hash: bytes | None, finality_blocks: int) -> Attempt:
    """The attempt after a look at its block: final when the chain still has that block, deep enough."""
    if attempt.state is not State.MINED or attempt.block_number is None:
        return attempt
    if block_hash != attempt.block_hash or head_number - attempt.block_number < finality_blocks:
        return attempt
    return replace(attempt, state=State.FINAL)


def gone(attempt: Attempt) -> Attempt:
    """The attempt after its nonce was taken for good."""
    return replace(attempt, state=State.GONE, block_number=None, block_hash=None, succeeded=None)
