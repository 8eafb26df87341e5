"""How an embedded chain begins, and what its journal holds of each block. Bytes only; nothing is run here.

A chain id is drawn when the chain is made: a transaction that is signed for one installation is worth nothing on
another. The fork is written down, so that a newer library does not change what an old chain means.
"""

import json
import secrets
from struct import Struct, error
from typing import Final, NamedTuple

from keyuan.engines.chain.embedded.journal import JournalError

FORK: Final = "prague"
GAS_LIMIT: Final = 30_000_000
BALANCE: Final = 10**27
_CHAIN_ID_LOW: Final = 2**40
"""Far above the registered ids, and exact in every JSON reader."""
_BLOCK: Final = Struct(">QQ32s32s32sH")
_LENGTH: Final = Struct(">I")


class Genesis(NamedTuple):
    """Everything that block 0 depends on, and its hash, to be found again."""

    chain_id: int
    fork: str
    timestamp: int
    gas_limit: int
    funded: bytes
    balance: int
    hash: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the first record of the journal."""
        words = self._asdict() | {"funded": self.funded.hex(), "hash": self.hash.hex(), "balance": str(self.balance)}
        return json.dumps(words, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Genesis":
        """Read the first record.

        Raises:
            JournalError: it is not one of ours.
        """
        try:
            words = json.loads(payload)
            return cls(
                chain_id=words["chain_id"],
                fork=words["fork"],
                timestamp=words["timestamp"],
                gas_limit=words["gas_limit"],
                funded=bytes.fromhex(words["funded"]),
                balance=int(words["balance"]),
                hash=bytes.fromhex(words["hash"]),
            )
        except (ValueError, KeyError, TypeError) as wrong:
            raise JournalError("The first record of the embedded chain is not a genesis.") from wrong


def new_genesis(funded: bytes, timestamp: int) -> Genesis:
    """Return the beginning of a chain of its own."""
    chain_id = _CHAIN_ID_LOW + secrets.randbelow(_CHAIN_ID_LOW)
    return Genesis(chain_id, FORK, timestamp, GAS_LIMIT, funded, BALANCE)


class Mined(NamedTuple):
    """A block as the journal keeps it: what it was made of, and what came out, to be compared."""

    number: int
    timestamp: int
    mix_hash: bytes
    hash: bytes
    state_root: bytes
    transactions: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the record of a block."""
        head = _BLOCK.pack(
            self.number, self.timestamp, self.mix_hash, self.hash, self.state_root, len(self.transactions)
        )
        return head + b"".join(_LENGTH.pack(len(raw)) + raw for raw in self.transactions)

    @classmethod
    def from_bytes(cls, payload: bytes) -> "Mined":
        """Read the record of a block.

        Raises:
            JournalError: it is not one of ours.
        """
        try:
            number, timestamp, mix_hash, block_hash, state_root, count = _BLOCK.unpack_from(payload)
            transactions: list[bytes] = []
            at = _BLOCK.size
            for _ in range(count):
                (length,) = _LENGTH.unpack_from(payload, at)
                transactions.append(payload[at + 4 : at + 4 + length])
                at += 4 + length
        except error as wrong:
            raise JournalError("A record of the embedded chain is not a block.") from wrong
        if at != len(payload):
            raise JournalError("A record of the embedded chain is not a block.", number=number)
        return cls(number, timestamp, mix_hash, block_hash, state_root, tuple(transactions))
