"""A chain as the product sees it: few questions, one way to send, and errors told apart by what to do about them.

Deliberately not here: how a node is spoken to (`json_rpc`), how one is kept in process (`embedded`), and what is sent
again when it is lost (`outbox`). Addresses are 20 bytes, hashes 32; hexadecimal exists only at the edges.
Units: wei; gas; block times in seconds since 1970, as on every chain.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from keyuan.kernel.errors import ConflictError, EngineError, RefusedError

ADDRESS_BYTES: Final = 20
HASH_BYTES: Final = 32
_ERROR: Final = bytes.fromhex("08c379a0")
_PANIC: Final = bytes.fromhex("4e487b71")


class ChainUnreachableError(EngineError):
    """The chain's node does not answer; nothing is lost, it is asked again later."""


class ChainAnswerError(EngineError):
    """The chain's node answered something that cannot be used."""


class ChainOwnedError(EngineError):
    """Another process owns the embedded chain; only one may write to it."""


class WrongChainError(RefusedError):
    """The node serves another chain than the one configured; correct the address or the chain id."""


class SendingRefusedError(RefusedError):
    """The node refused the transaction."""


class UnderpricedError(SendingRefusedError):
    """The transaction offers too low a fee."""


class InsufficientFundsError(SendingRefusedError):
    """The publisher's account cannot pay for the transaction; send it funds."""


class NonceTooLowError(ConflictError):
    """Another transaction of this account has taken the transaction's place."""


class NonceTooHighError(RefusedError):
    """An earlier transaction of this account is missing; send that one first."""


class CallRevertedError(RefusedError):
    """The contract refused the call. `data` is what it returned, `reason` its text if it gave one."""

    def __init__(self, data: bytes = b"", **facts: object) -> None:
        self.data = data
        self.reason = revert_reason(data)
        super().__init__(f"The contract refused the call: {self.reason or 'no reason given'}.", **facts)


def revert_reason(data: bytes) -> str | None:
    """Return the text of `Error(string)` or the code of `Panic(uint256)` (Solidity ABI, "Revert"), else None."""
    if data[:4] == _PANIC and len(data) == 4 + 32:
        return f"panic {int.from_bytes(data[4:], 'big'):#04x}"
    if data[:4] != _ERROR or len(data) < 4 + 64:
        return None
    length = int.from_bytes(data[36:68], "big")
    return data[68 : 68 + min(length, 1_000)].decode(errors="replace")


class Block(NamedTuple):
    """What is asked of a block."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int


class Log(NamedTuple):
    """One event of a contract."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction: bytes
    transaction_index: int
    place: int
    """Among all logs of the block."""


class LogFilter(NamedTuple):
    """Which logs: of one contract, in blocks `first` to `last`, and per place of topics one of several, or any."""

    address: bytes | None
    first: int
    last: int
    topics: tuple[tuple[bytes, ...] | None, ...] = ()

    def matches(self, log: Log) -> bool:
        """Whether a log is asked for."""
        if not self.first <= log.block_number <= self.last or self.address not in (None, log.address):
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(any_of is None or topic in any_of for any_of, topic in zip(self.topics, log.topics, strict=False))


class Receipt(NamedTuple):
    """That a transaction stands in a block, and how it went there. `contract` is what it created."""

    transaction: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    contract: bytes | None
    logs: tuple[Log, ...]


class Fees(NamedTuple):
    """What to offer per gas (EIP-1559): at most, and of this to the miner."""

    highest: int
    priority: int


class Call(NamedTuple):
    """What a transaction is to do: call `to` with `data`, or with no `to` create the contract that `data` builds."""

    to: bytes | None
    data: bytes
    gas: int | None = None


class ChainReader(Protocol):
    """The questions. `block` None is the newest one; older ones only as far as the node keeps states."""

    @property
    def finality_blocks(self) -> int:
        """How many blocks must stand on a block until it is taken as final."""
        ...

    def chain_id(self) -> int:
        """Return the number that tells this chain from all others."""
        ...

    def block_number(self) -> int:
        """Return the number of the newest block."""
        ...

    def head(self) -> Block:
        """Return the newest block."""
        ...

    def block(self, number: int) -> Block | None:
        """Return the block of this number, None if there is none yet."""
        ...

    def balance(self, address: bytes, block: int | None = None) -> int:
        """Return what an account has."""
        ...

    def nonce(self, address: bytes, block: int | None = None) -> int:
        """Return how many transactions of an account are in blocks."""
        ...

    def get_code(self, address: bytes, block: int | None = None) -> bytes:
        """Return the bytecode of a contract, nothing if there is none."""
        ...

    def call(self, to: bytes, data: bytes, block: int | None = None, gas: int | None = None) -> bytes:
        """Return what a contract answers; nothing changes.

        Raises:
            CallRevertedError: it refused, or ran out of gas.
        """
        ...

    def get_logs(self, wanted: LogFilter) -> Sequence[Log]:
        """Return the logs of a filter in their order."""
        ...

    def receipt(self, transaction: bytes) -> Receipt | None:
        """Return the receipt, None while there is none: not mined yet, dropped, or forgotten after a reorg."""
        ...

    def fees(self) -> Fees:
        """Return what to offer now, so that the next blocks take a transaction."""
        ...

    def estimate_gas(self, sender: bytes, call: Call) -> int:
        """Return the gas that a transaction would need now.

        Raises:
            CallRevertedError: it would fail.
        """
        ...


class Chain(ChainReader, Protocol):
    """A chain that can also be written to."""

    def send_raw(self, signed: bytes) -> bytes:
        """Send a signed transaction and return its hash; one that the node knows already is not an error.

        Raises:
            NonceTooLowError, NonceTooHighError, UnderpricedError, InsufficientFundsError, SendingRefusedError.
            ChainUnreachableError: it may have arrived, or not; send the same bytes again.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
