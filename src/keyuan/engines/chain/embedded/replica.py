"""Reading the embedded chain: the journal is run again, every block compared, and new ones are followed.

Any process may read; the one that writes is in `owner`. A reader needs no word from the owner: before each answer it
looks whether the journal has grown. What does not come out as it was written down is never served.
Units: block times in seconds since 1970.
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from keyuan.engines.chain.embedded import journal
from keyuan.engines.chain.embedded.evm import Built, Evm
from keyuan.engines.chain.embedded.genesis import Genesis, Mined
from keyuan.engines.chain.model import Block, Call, Fees, Log, LogFilter, Receipt, SendingRefusedError
from keyuan.kernel.errors import CorruptionError, MissingError

FILE: Final = "blocks"
_PRIORITY: Final = 10**9


class ChainMissingError(MissingError):
    """There is no embedded chain here yet; it is made when the first epoch is anchored."""


class ReplayDiffersError(CorruptionError):
    """The embedded chain does not come out as it was written down; it is not served. Restore it from your backup."""


class NoSuchBlockError(MissingError):
    """There is no block of this number yet."""


class History:
    """A chain in memory: what the blocks of a journal make."""

    def __init__(self, payload: bytes) -> None:
        self.genesis = Genesis.from_bytes(payload)
        self.evm = Evm(self.genesis)
        self.receipts: dict[bytes, Receipt] = {}
        self.logs: list[Log] = []
        if self.evm.head.hash != self.genesis.hash:
            raise ReplayDiffersError(block=0)

    def follow(self, payloads: Iterable[bytes]) -> None:
        """Run the next blocks again.

        Raises:
            ReplayDiffersError: a block has another hash or state than the one written down.
        """
        for payload in payloads:
            mined = Mined.from_bytes(payload)
            try:
                raws = [self.evm.decode(raw) for raw in mined.transactions]
                built = self.evm.build(raws, mined.timestamp, mined.mix_hash)
            except SendingRefusedError as error:
                raise ReplayDiffersError(block=mined.number) from error
            if built.mined != mined:
                raise ReplayDiffersError(block=mined.number)
            self.adopt(built)

    def adopt(self, built: Built) -> None:
        """Make a block that is on disk the newest one."""
        self.evm.adopt(built)
        for receipt in built.receipts:
            self.receipts[receipt.transaction] = receipt
            self.logs.extend(receipt.logs)


class Replica:
    """The embedded chain for readers. May be asked by several threads."""

    def __init__(self, folder: Path, *, finality_blocks: int = 0) -> None:
        self._path = folder / FILE
        self._finality = finality_blocks
        self._lock = threading.RLock()
        if not self._path.exists():
            raise ChainMissingError(folder=folder)
        self._restart()

    def _restart(self) -> None:
        found = journal.read(self._path)
        self._place = journal.Place(found.end, found.check)
        self._history = History(found.payloads[0] if found.payloads else b"")
        self._history.follow(found.payloads[1:])

    def _now(self) -> Evm:
        """The chain as far as the journal goes."""
        size = self._path.stat().st_size
        if size < self._place.offset:
            self._restart()  # the owner took back what it could not sync
        elif size > self._place.offset:
            try:
                found = journal.read(self._path, self._place)
            except journal.JournalError:
                self._restart()  # taken back and written anew, or damaged: reading all of it tells
                return self._history.evm
            self._history.follow(found.payloads)
            self._place = journal.Place(found.end, found.check)
        return self._history.evm

    @property
    def finality_blocks(self) -> int:
        """How many blocks must stand on a block; 0, as one owner never takes a block back."""
        return self._finality

    def chain_id(self) -> int:
        """Return the number that tells this chain from all others."""
        return self._history.genesis.chain_id

    def block_number(self) -> int:
        """Return the number of the newest block."""
        return self.head().number

    def head(self) -> Block:
        """Return the newest block."""
        with self._lock:
            return self._now().head

    def block(self, number: int) -> Block | None:
        """Return the block of this number, None if there is none yet."""
        with self._lock:
            return self._now().block(number)

    def balance(self, address: bytes, block: int | None = None) -> int:
        """Return what an account has."""
        with self._lock:
            return self._at(block).balance(address, block)

    def nonce(self, address: bytes, block: int | None = None) -> int:
        """Return how many transactions of an account are in blocks."""
        with self._lock:
            return self._at(block).nonce(address, block)

    def get_code(self, address: bytes, block: int | None = None) -> bytes:
        """Return the bytecode of a contract, nothing if there is none."""
        with self._lock:
            return self._at(block).code(address, block)

    def call(self, to: bytes, data: bytes, block: int | None = None, gas: int | None = None) -> bytes:
        """Return what a contract answers; nothing changes."""
        with self._lock:
            return self._at(block).call(to, data, block, gas)

    def estimate_gas(self, sender: bytes, call: Call) -> int:
        """Return the gas that a transaction would need now."""
        with self._lock:
            return self._now().estimate_gas(sender, call)

    def get_logs(self, wanted: LogFilter) -> Sequence[Log]:
        """Return the logs of a filter in their order."""
        with self._lock:
            self._now()
            return [log for log in self._history.logs if wanted.matches(log)]

    def receipt(self, transaction: bytes) -> Receipt | None:
        """Return the receipt, None while there is none."""
        with self._lock:
            self._now()
            return self._history.receipts.get(transaction)

    def fees(self) -> Fees:
        """Return what to offer now."""
        with self._lock:
            return Fees(2 * self._now().base_fee + _PRIORITY, _PRIORITY)

    def close(self) -> None:
        """Nothing is held open."""

    def _at(self, block: int | None) -> Evm:
        evm = self._now()
        if block is not None and not 0 <= block <= evm.head.number:
            raise NoSuchBlockError(block=block)
        return evm
