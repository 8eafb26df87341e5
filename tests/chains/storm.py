"""A chain with bad weather, in memory: what nodes do to transactions, on command and by chance.

It has one contract, which takes epochs as `EPOCHS` does, and one account that pays. What is sent may get lost on
the way, be forgotten, mined, taken out by a reorg and forgotten again; the node may be away; fees rise; and somebody
else may use the account's key. Only what is deeper than `finality_blocks` stays, as on any chain.
"""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

from keyuan.engines.chain import (
    Block,
    Call,
    ChainUnreachableError,
    Fees,
    Log,
    LogFilter,
    NonceTooLowError,
    Receipt,
    UnderpricedError,
)

CHAIN_ID = 99
ACCOUNT = b"\xaa" * 20
CONTRACT = b"\xcc" * 20


class Killed(BaseException):
    """The process that called was killed here; the test starts another one."""


class Sent(NamedTuple):
    """Bytes that pass for a signed transaction, and their hash."""

    raw: bytes
    hash: bytes


class StormSigner:
    """Signs by writing down."""

    address = ACCOUNT

    def sign(self, chain_id: int, nonce: int, call: Call, fees: Fees) -> Sent:
        assert call.to is not None
        raw = json.dumps([chain_id, nonce, call.to.hex(), call.data.hex(), fees.highest]).encode()
        return Sent(raw, sha256(raw).digest())


class _Read(NamedTuple):
    nonce: int
    epoch: int
    fee: int


def _read(raw: bytes) -> _Read:
    chain_id, nonce, _, data, fee = json.loads(raw)
    assert chain_id == CHAIN_ID
    return _Read(nonce, int.from_bytes(bytes.fromhex(data)[:32], "big"), fee)


class Storm:
    """The chain; a `Chain` to those who ask it."""

    def __init__(self, finality_blocks: int) -> None:
        self.finality_blocks = finality_blocks
        self.blocks: list[tuple[Block, list[bytes]]] = [(Block(0, bytes(32), bytes(32), 0), [])]
        self.pool: dict[bytes, bytes] = {}
        self.base_fee = 10
        self.away = False
        self.loses = False
        self.told: set[bytes] = set()
        """All bytes that were ever sent here."""
        self.on_question: Callable[[], None] = lambda: None
        self._made = 0

    # The weather.

    def mine(self) -> None:
        """A block with all that can stand in it."""
        mined: list[bytes] = []
        nonce = self.nonce(ACCOUNT)
        for raw in sorted(self.pool.values(), key=lambda raw: _read(raw).nonce):
            found = _read(raw)
            if found.nonce == nonce and found.fee >= self.base_fee:
                mined.append(raw)
                nonce += 1
        self._add(mined)

    def _add(self, mined: list[bytes]) -> None:
        self._made += 1
        parent = self.blocks[-1][0]
        fresh = Block(parent.number + 1, self._made.to_bytes(32, "big"), parent.hash, self._made)
        self.blocks.append((fresh, mined))
        nonce = self._nonce()
        self.pool = {name: raw for name, raw in self.pool.items() if _read(raw).nonce >= nonce}

    def reorg(self, depth: int, *, requeue: bool) -> None:
        """Replace the newest blocks by empty ones, as many and one more."""
        depth = min(depth, self.finality_blocks, len(self.blocks) - 1)
        taken = [raw for _, mined in self.blocks[len(self.blocks) - depth :] for raw in mined]
        del self.blocks[len(self.blocks) - depth :]
        for _ in range(depth + 1 if depth else 0):
            self._add([])
        if requeue:
            self.pool |= {sha256(raw).digest(): raw for raw in taken}

    def forget(self) -> None:
        """Drop everything that is in no block."""
        self.pool.clear()

    def take_place(self) -> None:
        """Somebody else uses the account's key."""
        raw = StormSigner().sign(CHAIN_ID, self.nonce(ACCOUNT), Call(CONTRACT, bytes(32)), Fees(10**6, 1)).raw
        self.pool = {}
        self._add([raw])

    # What stands in the blocks.

    def history(self) -> list[tuple[Block, bytes, bool]]:
        """Every transaction with its block and whether the contract took it."""
        found: list[tuple[Block, bytes, bool]] = []
        epoch = 0
        for block, mined in self.blocks:
            for raw in mined:
                takes = _read(raw).epoch == epoch + 1
                epoch += takes
                found.append((block, raw, takes))
        return found

    def epochs(self) -> list[bytes]:
        """The hash of the transaction that wrote each epoch, in order."""
        return [sha256(raw).digest() for _, raw, takes in self.history() if takes]

    def _nonce(self) -> int:
        return sum(len(mined) for _, mined in self.blocks)

    # A chain.

    def _asked(self) -> None:
        self.on_question()
        if self.away:
            raise ChainUnreachableError

    def chain_id(self) -> int:
        self._asked()
        return CHAIN_ID

    def block_number(self) -> int:
        return self.head().number

    def head(self) -> Block:
        self._asked()
        return self.blocks[-1][0]

    def block(self, number: int) -> Block | None:
        self._asked()
        return self.blocks[number][0] if number < len(self.blocks) else None

    def balance(self, address: bytes, block: int | None = None) -> int:
        raise NotImplementedError

    def nonce(self, address: bytes, block: int | None = None) -> int:
        assert address == ACCOUNT
        kept = self.blocks if block is None else self.blocks[: block + 1]
        return sum(len(mined) for _, mined in kept)

    def get_code(self, address: bytes, block: int | None = None) -> bytes:
        raise NotImplementedError

    def call(self, to: bytes, data: bytes, block: int | None = None, gas: int | None = None) -> bytes:
        raise NotImplementedError

    def get_logs(self, wanted: LogFilter) -> Sequence[Log]:
        raise NotImplementedError

    def receipt(self, transaction: bytes) -> Receipt | None:
        self._asked()
        for block, raw, takes in self.history():
            if sha256(raw).digest() == transaction:
                return Receipt(transaction, block.number, block.hash, takes, 1, None, ())
        return None

    def fees(self) -> Fees:
        self._asked()
        return Fees(2 * self.base_fee, 1)

    def estimate_gas(self, sender: bytes, call: Call) -> int:
        raise NotImplementedError

    def send_raw(self, signed: bytes) -> bytes:
        self._asked()
        self.told.add(signed)
        found, transaction = _read(signed), sha256(signed).digest()
        if found.nonce < self._nonce():
            if any(raw == signed for _, raw, _ in self.history()):
                return transaction
            raise NonceTooLowError
        if found.fee < self.base_fee:
            raise UnderpricedError
        for name, raw in list(self.pool.items()):
            if _read(raw).nonce == found.nonce and name != transaction:
                if found.fee * 10 < _read(raw).fee * 11:
                    raise UnderpricedError
                del self.pool[name]
        if not self.loses:
            self.pool[transaction] = signed
        self.on_question()
        return transaction

    def close(self) -> None:
        pass
