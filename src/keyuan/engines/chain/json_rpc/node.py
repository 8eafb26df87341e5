"""Any chain by the address of a node that speaks JSON-RPC: anvil, Besu, geth, an L2.

The node is not trusted to be the right one: its chain id is compared before the first answer and before every
sending. What nodes say in words of their own is brought to our errors here and nowhere else.
Source: Ethereum JSON-RPC specification; error texts of geth, Besu, Nethermind, reth and anvil.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from keyuan.engines.chain.json_rpc import words
from keyuan.engines.chain.json_rpc.wire import NodeRefusalError, Wire
from keyuan.engines.chain.model import (
    Block,
    Call,
    CallRevertedError,
    ChainAnswerError,
    Fees,
    InsufficientFundsError,
    Log,
    LogFilter,
    NonceTooHighError,
    NonceTooLowError,
    Receipt,
    SendingRefusedError,
    UnderpricedError,
    WrongChainError,
)
from keyuan.kernel.errors import KeyuanError

_T = TypeVar("_T")
_REVERTED: Final = 3
"""The code of geth and most others for a call that the contract refused."""
_KNOWN: Final = ("already known", "known transaction", "already imported", "alreadyknown", "already in mempool")
_REFUSALS: Final[tuple[tuple[tuple[str, ...], type[KeyuanError]], ...]] = (
    (("nonce too low", "nonce is too low", "oldnonce"), NonceTooLowError),
    (("nonce too high", "nonce is too high", "nonce gap", "too distant from current"), NonceTooHighError),
    (("insufficient funds", "insufficient balance", "upfront cost exceeds"), InsufficientFundsError),
    (("underpriced", "fee too low", "less than block base fee", "below current base fee"), UnderpricedError),
)


class JsonRpcChain:
    """The chain behind a node.

    Raises (from every method): `ChainUnreachableError`, `ChainAnswerError`; `WrongChainError` from the first.
    """

    def __init__(self, wire: Wire, *, chain_id: int, finality_blocks: int) -> None:
        self._wire = wire
        self._chain_id = chain_id
        self._finality = finality_blocks
        self._is_right = False

    @property
    def finality_blocks(self) -> int:
        """How many blocks must stand on a block until it is taken as final."""
        return self._finality

    def chain_id(self) -> int:
        """Ask the node for its chain id and return it.

        Raises:
            WrongChainError: it is not the one configured.
        """
        found = _read(words.to_int, self._wire.ask("eth_chainId"))
        if found != self._chain_id:
            raise WrongChainError(found=found, configured=self._chain_id)
        self._is_right = True
        return found

    def block_number(self) -> int:
        """Return the number of the newest block."""
        return _read(words.to_int, self._ask("eth_blockNumber"))

    def head(self) -> Block:
        """Return the newest block."""
        return _read(words.to_block, self._ask("eth_getBlockByNumber", "latest", False))

    def block(self, number: int) -> Block | None:
        """Return the block of this number, None if there is none yet."""
        found = self._ask("eth_getBlockByNumber", words.quantity(number), False)
        return None if found is None else _read(words.to_block, found)

    def balance(self, address: bytes, block: int | None = None) -> int:
        """Return what an account has."""
        return _read(words.to_int, self._ask("eth_getBalance", words.data(address), _tag(block)))

    def nonce(self, address: bytes, block: int | None = None) -> int:
        """Return how many transactions of an account are in blocks."""
        return _read(words.to_int, self._ask("eth_getTransactionCount", words.data(address), _tag(block)))

    def get_code(self, address: bytes, block: int | None = None) -> bytes:
        """Return the bytecode of a contract, nothing if there is none."""
        return _read(words.to_bytes, self._ask("eth_getCode", words.data(address), _tag(block)))

    def call(self, to: bytes, data: bytes, block: int | None = None, gas: int | None = None) -> bytes:
        """Return what a contract answers; nothing changes."""
        question = {"to": words.data(to), "data": words.data(data)}
        if gas is not None:
            question["gas"] = words.quantity(gas)
        return _read(words.to_bytes, self._run("eth_call", question, _tag(block)))

    def estimate_gas(self, sender: bytes, call: Call) -> int:
        """Return the gas that a transaction would need now."""
        question = {"from": words.data(sender), "data": words.data(call.data)}
        if call.to is not None:
            question["to"] = words.data(call.to)
        return _read(words.to_int, self._run("eth_estimateGas", question))

    def get_logs(self, wanted: LogFilter) -> Sequence[Log]:
        """Return the logs of a filter in their order."""
        question: dict[str, Any] = {
            "fromBlock": words.quantity(wanted.first),
            "toBlock": words.quantity(wanted.last),
            "topics": [None if some is None else [words.data(topic) for topic in some] for some in wanted.topics],
        }
        if wanted.address is not None:
            question["address"] = words.data(wanted.address)
        return [_read(words.to_log, log) for log in self._ask("eth_getLogs", question)]

    def receipt(self, transaction: bytes) -> Receipt | None:
        """Return the receipt, None while there is none."""
        found = self._ask("eth_getTransactionReceipt", words.data(transaction))
        # Some nodes answer with a receipt that stands in no block yet.
        if found is None or found.get("blockHash") is None:
            return None
        return _read(words.to_receipt, found)

    def fees(self) -> Fees:
        """Return what to offer now: twice the base fee, so that it may double, and what the node gives miners."""
        head = self._ask("eth_getBlockByNumber", "latest", False)
        try:
            priority = words.to_int(self._ask("eth_maxPriorityFeePerGas"))
        except NodeRefusalError:
            priority = 0  # a node without this method; its gas price holds the tip
        base = _read(words.to_int, head.get("baseFeePerGas") or self._ask("eth_gasPrice"))
        return Fees(2 * base + priority, priority)

    def send_raw(self, signed: bytes) -> bytes:
        """Send a signed transaction and return its hash; one that the node knows already is not an error."""
        self.chain_id()
        try:
            return _read(words.to_hash, self._wire.ask("eth_sendRawTransaction", words.data(signed)))
        except NodeRefusalError as refusal:
            return self._known_or_refused(signed, refusal)

    def _known_or_refused(self, signed: bytes, refusal: NodeRefusalError) -> bytes:
        # Late, because only here a hash is computed: the library takes a tenth of a second to import.
        from eth_utils.crypto import keccak  # noqa: PLC0415  # see above

        transaction = keccak(signed)
        text = refusal.text.lower()
        if any(word in text for word in _KNOWN) or self.receipt(transaction) is not None:
            return transaction
        for some, error in _REFUSALS:
            if any(word in text for word in some):
                raise error(node=refusal.text) from refusal
        raise SendingRefusedError(f"The node refused the transaction: {refusal.text}.") from refusal

    def _run(self, method: str, *arguments: object) -> Any:
        try:
            return self._ask(method, *arguments)
        except NodeRefusalError as refusal:
            if refusal.code == _REVERTED or "revert" in refusal.text.lower() or "out of gas" in refusal.text.lower():
                raise CallRevertedError(_revert_data(refusal.data)) from refusal
            raise

    def _ask(self, method: str, *arguments: object) -> Any:
        if not self._is_right:
            self.chain_id()
        return self._wire.ask(method, *arguments)

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()


def _tag(block: int | None) -> str:
    return "latest" if block is None else words.quantity(block)


def _revert_data(found: object) -> bytes:
    try:
        return words.to_bytes(found)
    except words.WordError:
        return b""


def _read(reader: Callable[[Any], _T], found: Any) -> _T:
    try:
        return reader(found)
    except (words.WordError, KeyError, TypeError, AttributeError) as error:
        raise ChainAnswerError(reader=getattr(reader, "__name__", "")) from error
