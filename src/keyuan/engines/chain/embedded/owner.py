"""The one process that writes the embedded chain. Every transaction is a block of its own, mined when it is sent.

A block is built, written to the journal and synced, and only then adopted and answered: what `send_raw` has returned is
never lost, and what it has not returned is on disk whole or not at all.
Deliberately not here: a pool. A transaction that cannot be mined now is refused, and the outbox sends it again.
Units: block times in seconds since 1970, from the system's clock; a second later than the block before at the least.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eth.abc import SignedTransactionAPI

from keyuan.engines.chain.embedded import journal
from keyuan.engines.chain.embedded.evm import Evm
from keyuan.engines.chain.embedded.genesis import new_genesis
from keyuan.engines.chain.embedded.replica import FILE, History, Replica
from keyuan.engines.chain.model import (
    ChainOwnedError,
    InsufficientFundsError,
    NonceTooHighError,
    NonceTooLowError,
    UnderpricedError,
)

_LOCK: Final = "owner.lock"
_FOLDER_MODE: Final = 0o700


def _system_s() -> int:
    return int(time.time())


class EmbeddedChain(Replica):
    """The embedded chain, owned by this process until it is closed or dies.

    Made on first use, with all its coins on the account `funded`.

    Raises:
        ChainOwnedError: another process owns it.
        JournalError, ReplayDiffersError: it is damaged; nothing was changed.
    """

    def __init__(
        self, folder: Path, funded: bytes, *, finality_blocks: int = 0, now_s: Callable[[], int] = _system_s
    ) -> None:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._now_s = now_s
        self._owned = _own(folder / _LOCK)
        try:
            if not (folder / FILE).exists():
                _begin(folder / FILE, funded, now_s())
            self._journal = journal.Journal(folder / FILE)
            super().__init__(folder, finality_blocks=finality_blocks)
        except BaseException:
            os.close(self._owned)
            raise

    def _restart(self) -> None:
        payloads = self._journal.payloads
        self._history = History(payloads[0] if payloads else b"")
        self._history.follow(payloads[1:])

    def _now(self) -> Evm:
        return self._history.evm

    def send_raw(self, signed: bytes) -> bytes:
        """Mine a transaction and return its hash; one that was mined before is not mined again.

        Raises:
            NonceTooLowError, NonceTooHighError, UnderpricedError, InsufficientFundsError, SendingRefusedError.
            JournalFullError, JournalStoppedError: the disk failed; see there.
        """
        with self._lock:
            evm = self._now()
            transaction = evm.decode(signed)
            if transaction.hash in self._history.receipts:
                return bytes(transaction.hash)
            _admit(evm, transaction)
            timestamp = max(self._now_s(), evm.head.timestamp + 1)
            built = evm.build([transaction], timestamp, secrets.token_bytes(32))
            self._journal.append(built.mined.to_bytes())
            self._history.adopt(built)
            return bytes(transaction.hash)

    def close(self) -> None:
        """Let go of the chain; another process may own it now."""
        with self._lock:
            self._journal.close()
            os.close(self._owned)


def _own(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ChainOwnedError(lock=path) from None
    return descriptor


def _begin(path: Path, funded: bytes, timestamp: int) -> None:
    genesis = new_genesis(funded, timestamp)
    journal.create(path, genesis._replace(hash=Evm(genesis).head.hash).to_bytes())


def _admit(evm: Evm, transaction: SignedTransactionAPI) -> None:
    """Refuse by name what the library would refuse by a sentence."""
    sender = bytes(transaction.sender)
    expected = evm.nonce(sender, None)
    if transaction.nonce < expected:
        raise NonceTooLowError(nonce=transaction.nonce, expected=expected)
    if transaction.nonce > expected:
        raise NonceTooHighError(nonce=transaction.nonce, expected=expected)
    if transaction.max_fee_per_gas < evm.base_fee:
        raise UnderpricedError(offered=transaction.max_fee_per_gas, needed=evm.base_fee)
    if evm.balance(sender, None) < transaction.gas * transaction.max_fee_per_gas + transaction.value:
        raise InsufficientFundsError(account=sender.hex())
