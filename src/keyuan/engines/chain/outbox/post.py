"""The outbox at work: sign once, keep, send, send the same bytes again, and see how it ends.

Nothing is sent that was not kept before, so whatever a kill leaves behind is taken up where it stands. `advance` is one
round and may be stopped anywhere; a node that does not answer ends it with `ChainUnreachableError`, and the next round
goes on. What a contract then makes of a transaction that arrives twice is its own affair: ours demands the next epoch.
Deliberately not here: waiting between rounds, and what a failed job means.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Protocol

from keyuan.engines.chain.model import (
    Call,
    Chain,
    Fees,
    NonceTooHighError,
    NonceTooLowError,
    UnderpricedError,
    WrongChainError,
)
from keyuan.engines.chain.outbox.model import Attempt, Policy, State, gone, looked_at, same_work, settled
from keyuan.engines.chain.outbox.store import OutboxStore
from keyuan.kernel.errors import ConflictError, RefusedError


class JobConflictError(ConflictError):
    """This job was begun with other content."""


class JobStandsError(RefusedError):
    """The job cannot be tried again: it was never begun, an attempt of it is open, or one has succeeded."""


class Sendable(Protocol):
    """Bytes that can be sent, and their hash."""

    @property
    def raw(self) -> bytes:
        """The signed bytes."""
        ...

    @property
    def hash(self) -> bytes:
        """The transaction's hash."""
        ...


class AccountSigner(Protocol):
    """One account that signs; see `keyuan.engines.chain.signer`."""

    @property
    def address(self) -> bytes:
        """The account's 20 bytes."""
        ...

    def sign(self, chain_id: int, nonce: int, call: Call, fees: Fees) -> Sendable:
        """Return a signed transaction."""
        ...


class Outbox:
    """What one account has to do on one chain."""

    def __init__(self, chain: Chain, store: OutboxStore, signer: AccountSigner, policy: Policy | None = None) -> None:
        self._chain = chain
        self._store = store
        self._signer = signer
        self._policy = policy or Policy()

    def submit(self, job: str, call: Call, now_us: int) -> Attempt:
        """Return the newest attempt of a job; sign and keep the first one if there is none. Nothing is sent yet.

        Raises:
            JobConflictError: the job was begun with other content.
            CallRevertedError: `call` names no gas, and the contract would refuse it.
        """
        known = self._store.of_job(job)
        if known:
            if not same_work(known[-1].call, call):
                raise JobConflictError(job=job)
            return known[-1]
        return self._sign(job, 1, self._with_gas(call), self._next_nonce(), self._chain.fees(), now_us)

    def try_again(self, job: str, now_us: int) -> Attempt:
        """Sign a new attempt, at a new nonce, for a job whose last one is final and failed, or is gone.

        Raises:
            JobStandsError: there is none, one is open, or one has succeeded.
        """
        known = self._store.of_job(job)
        if not known or any(attempt.is_open or attempt.succeeded for attempt in known):
            raise JobStandsError(job=job)
        call = known[-1].call
        return self._sign(job, len(known) + 1, call, self._next_nonce(), self._chain.fees(), now_us)

    def advance(self, now_us: int) -> list[Attempt]:
        """Do one round over everything open and return the attempts that changed, new ones too.

        Raises:
            ChainUnreachableError: the node does not answer; the next round goes on.
            InsufficientFundsError, SendingRefusedError: nothing goes on until somebody acts.
        """
        changed: list[Attempt] = []
        open_attempts = self._store.open_attempts()
        if not open_attempts:
            return changed
        if self._chain.chain_id() != open_attempts[0].chain_id:
            raise WrongChainError("The outbox holds transactions of another chain.", kept=open_attempts[0].chain_id)
        for _, some in groupby(open_attempts, key=lambda attempt: attempt.nonce):
            changed += self._one_nonce(list(some), now_us)
        return changed

    def _one_nonce(self, attempts: list[Attempt], now_us: int) -> list[Attempt]:
        """All attempts at one nonce: at most one of them is ever mined."""
        first = before = attempts
        attempts = self._look(attempts)
        if any(attempt.state is State.FINAL for attempt in attempts):
            attempts = [attempt if attempt.state is State.FINAL else gone(attempt) for attempt in attempts]
        elif all(attempt.state is not State.MINED for attempt in attempts):
            if self._is_taken(attempts):
                attempts = [gone(attempt) for attempt in attempts]
            else:
                # What a reorg took out is noted first: a kill while it is sent must not leave it as mined.
                self._keep(before, attempts)
                before, attempts = attempts, self._send(attempts, now_us)
        self._keep(before, attempts)
        return [attempt for attempt in attempts if attempt not in first]

    def _look(self, attempts: list[Attempt]) -> list[Attempt]:
        found = [looked_at(attempt, self._chain.receipt(attempt.hash)) for attempt in attempts]
        if not any(attempt.state is State.MINED for attempt in found):
            return found
        # In this order: a block that is there after the head was read is under that head, or under a later one.
        head = self._chain.head().number
        return [settled(attempt, head, self._block_hash(attempt), self._chain.finality_blocks) for attempt in found]

    def _block_hash(self, attempt: Attempt) -> bytes | None:
        block = None if attempt.block_number is None else self._chain.block(attempt.block_number)
        return None if block is None else block.hash

    def _is_taken(self, attempts: list[Attempt]) -> bool:
        """Whether a transaction that is not ours has the nonce, deep enough to stay."""
        if self._final_nonce() <= attempts[0].nonce:
            return False
        # One of ours may have been mined since it was looked for.
        return not any(self._chain.receipt(attempt.hash) for attempt in attempts)

    def _final_nonce(self) -> int:
        """How many transactions of the account stay in blocks, whatever comes."""
        final = max(0, self._chain.head().number - self._chain.finality_blocks)
        return self._chain.nonce(self._signer.address, final)

    def _send(self, attempts: list[Attempt], now_us: int) -> list[Attempt]:
        newest = attempts[-1]
        if self._policy.is_stuck(newest, now_us):
            attempts = self._with_raised_fee(attempts, now_us)
            newest = attempts[-1]
        if not self._policy.again(newest, now_us):
            return attempts
        try:
            self._chain.send_raw(newest.raw)
        except (NonceTooLowError, NonceTooHighError):
            # Mined meanwhile or taken, or waiting for the one before: the next round sees which.
            return attempts
        except UnderpricedError:
            return self._with_raised_fee(attempts, now_us)
        return self._look([*attempts[:-1], replace(newest, state=State.SENT, sent_us=now_us)])

    def _with_raised_fee(self, attempts: list[Attempt], now_us: int) -> list[Attempt]:
        newest = attempts[-1]
        fees = self._policy.raised(newest, self._chain.fees())
        if fees is None:
            return attempts
        number = len(self._store.of_job(newest.job)) + 1
        return [*attempts, self._sign(newest.job, number, newest.call, newest.nonce, fees, now_us)]

    def _next_nonce(self) -> int:
        # Not after the newest block: if another user of the key is taken out by a reorg, ours would wait for ever.
        highest = self._store.highest_nonce()
        final = self._final_nonce()
        return final if highest is None else max(highest + 1, final)

    def _with_gas(self, call: Call) -> Call:
        if call.gas is not None:
            return call
        estimate = self._chain.estimate_gas(self._signer.address, call)
        return call._replace(gas=estimate * self._policy.gas_margin_bps // 10_000)

    def _sign(self, job: str, number: int, call: Call, nonce: int, fees: Fees, now_us: int) -> Attempt:
        chain_id = self._chain.chain_id()
        signed = self._signer.sign(chain_id, nonce, call, fees)
        attempt = Attempt(
            chain_id=chain_id,
            job=job,
            attempt=number,
            sender=self._signer.address,
            nonce=nonce,
            call=call,
            raw=signed.raw,
            hash=signed.hash,
            fee=fees.highest,
            signed_us=now_us,
        )
        self._store.add(attempt)
        return attempt

    def _keep(self, before: Sequence[Attempt], after: Sequence[Attempt]) -> None:
        for attempt in after:
            if attempt.state is not State.SIGNED and attempt not in before:
                self._store.update(attempt)
