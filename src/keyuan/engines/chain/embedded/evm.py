"""Running blocks with py-evm: the one module that knows it. State lives in memory; the journal is the truth.

A block is built first, from raw transactions, a time and a mix hash, and adopted only when it is safe on disk; until
then the chain is as before. Given the same three, the same block comes out, bit for bit.
Deliberately not here: files and locks (`journal`, `owner`).
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

from eth.abc import BlockAPI, BlockHeaderAPI, ComputationAPI, SignedTransactionAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.exceptions import PyEVMError, Revert, VMError
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError

from keyuan.engines.chain.embedded.genesis import Genesis, Mined
from keyuan.engines.chain.embedded.journal import JournalError
from keyuan.engines.chain.model import (
    Block,
    Call,
    CallRevertedError,
    Log,
    Receipt,
    SendingRefusedError,
    WrongChainError,
)

_FORKS: Final = {"cancun": CancunVM, "prague": PragueVM}
_MALFORMED: Final[type[Exception]] = import_module("rlp.exceptions").RLPException  # it comes without types
_NOBODY: Final = Address(bytes(20))


class Built(NamedTuple):
    """A block that is not part of the chain yet."""

    block: BlockAPI
    mined: Mined
    receipts: tuple[Receipt, ...]


class Evm:
    """One chain in memory."""

    def __init__(self, genesis: Genesis) -> None:
        if genesis.fork not in _FORKS:
            raise JournalError("The embedded chain follows rules that this version does not know.", fork=genesis.fork)
        self._gas_limit = genesis.gas_limit
        self._chain = _chain_of(genesis)
        self.chain_id = genesis.chain_id

    @property
    def head(self) -> Block:
        """The newest block."""
        return _block(self._chain.get_canonical_head())

    @property
    def base_fee(self) -> int:
        """What the next block burns per gas."""
        return self._next(self.head.timestamp + 1, bytes(32)).base_fee_per_gas or 0

    def block(self, number: int) -> Block | None:
        """Return a block, None if there is none yet."""
        return _block(self._header(number)) if 0 <= number <= self.head.number else None

    def decode(self, raw: bytes) -> SignedTransactionAPI:
        """Read a signed transaction.

        Raises:
            SendingRefusedError: it is malformed, or a signature of another chain.
        """
        try:
            transaction = self._chain.get_vm_class(self._chain.header).get_transaction_builder().decode(raw)
            transaction.validate()
            transaction.check_signature_validity()
        except (PyEVMError, _MALFORMED, ValidationError, ValueError, TypeError) as error:
            raise SendingRefusedError("The transaction cannot be read.") from error
        if transaction.chain_id != self.chain_id:
            raise WrongChainError("The transaction is signed for another chain.", signed=transaction.chain_id)
        return transaction

    def build(self, transactions: Sequence[SignedTransactionAPI], timestamp: int, mix_hash: bytes) -> Built:
        """Run transactions in a new block on the newest one; nothing is changed.

        Raises:
            SendingRefusedError: one of them may not stand in a block now.
        """
        base = self._next(timestamp, mix_hash)
        vm = self._chain.get_vm(base)
        try:
            header, receipts, computations = vm.apply_all_transactions(transactions, base)
            filled = vm.set_block_transactions_and_withdrawals(vm.get_block(), header, transactions, receipts)
            block = vm.mine_block(filled, timestamp=timestamp, mix_hash=mix_hash).block
        except (PyEVMError, ValidationError, RecursionError) as error:
            raise SendingRefusedError(f"The transaction may not stand in a block: {error}.") from error
        raws = tuple(bytes(transaction.encode()) for transaction in transactions)
        mined = Mined(block.number, timestamp, mix_hash, bytes(block.hash), bytes(block.header.state_root), raws)
        return Built(block, mined, _receipts(block, receipts, computations))

    def adopt(self, built: Built) -> None:
        """Make a block the newest one."""
        self._chain.persist_block(built.block)

    def balance(self, address: bytes, block: int | None) -> int:
        """Return what an account has."""
        return self._state(block).get_balance(Address(address))

    def nonce(self, address: bytes, block: int | None) -> int:
        """Return how many transactions of an account are in blocks."""
        return self._state(block).get_nonce(Address(address))

    def code(self, address: bytes, block: int | None) -> bytes:
        """Return a contract's bytecode."""
        return bytes(self._state(block).get_code(Address(address)))

    def call(self, to: bytes, data: bytes, block: int | None, gas: int | None) -> bytes:
        """Run a call in the circumstances of a block, and forget what it did.

        Raises:
            CallRevertedError: the contract refused or ran out of gas.
        """
        vm = self._chain.get_vm(self._header(block))
        target = Address(to)
        try:
            computation = vm.execute_bytecode(
                origin=_NOBODY,
                gas_price=0,
                gas=min(gas or self._gas_limit, self._gas_limit),
                to=target,
                sender=_NOBODY,
                value=0,
                data=data,
                code=vm.state.get_code(target),
                code_address=target,
            )
        except RecursionError as error:
            raise CallRevertedError(error="calls nested too deep") from error
        if computation.is_error:
            raise _reverted(computation.error)
        return bytes(computation.output)

    def estimate_gas(self, sender: bytes, call: Call) -> int:
        """Return gas that a transaction would do with now; what it does not use is not paid.

        Raises:
            CallRevertedError: it would fail.
        """
        unsigned = self._chain.create_unsigned_transaction(
            nonce=self.nonce(sender, None),
            gas_price=0,
            gas=self._gas_limit,
            to=Address(call.to or b""),
            value=0,
            data=call.data,
        )
        spoof: Any = SpoofTransaction(unsigned, from_=Address(sender))
        try:
            return self._chain.estimate_gas(spoof, self._header(None))
        except VMError as error:
            raise _reverted(error) from error

    def _next(self, timestamp: int, mix_hash: bytes) -> BlockHeaderAPI:
        return self._chain.create_header_from_parent(
            self._chain.get_canonical_head(), timestamp=timestamp, mix_hash=Hash32(mix_hash)
        )

    def _header(self, number: int | None) -> BlockHeaderAPI:
        if number is None:
            return self._chain.get_canonical_head()
        return self._chain.get_canonical_block_header_by_number(BlockNumber(number))

    def _state(self, number: int | None) -> Any:
        return self._chain.get_vm(self._header(number)).state


def _chain_of(genesis: Genesis) -> MiningChain:
    class Chain(MiningChain):
        chain_id = genesis.chain_id
        vm_configuration = ((BlockNumber(0), _FORKS[genesis.fork]),)

        def create_header_from_parent(self, parent_header: BlockHeaderAPI, **header_params: Any) -> BlockHeaderAPI:
            # A constant gas limit: the default rule would let it drift.
            return super().create_header_from_parent(parent_header, **{**header_params, "gas_limit": genesis.gas_limit})

    parameters: dict[str, Any] = {
        "difficulty": 0,
        "coinbase": _NOBODY,
        "extra_data": b"",
        "gas_limit": genesis.gas_limit,
        "mix_hash": bytes(32),
        "nonce": bytes(8),
        "timestamp": genesis.timestamp,
    }
    funded: Any = {Address(genesis.funded): {"balance": genesis.balance, "nonce": 0, "code": b"", "storage": {}}}
    chain = Chain.from_genesis(AtomicDB(), parameters, funded)
    assert isinstance(chain, MiningChain)  # noqa: S101  # the library's word for it is its base class
    return chain


def _block(header: BlockHeaderAPI) -> Block:
    return Block(header.block_number, bytes(header.hash), bytes(header.parent_hash), header.timestamp)


def _reverted(error: VMError) -> CallRevertedError:
    if isinstance(error, Revert) and error.args:
        return CallRevertedError(bytes(error.args[0]))
    return CallRevertedError(error=type(error).__name__)


def _receipts(block: BlockAPI, receipts: Sequence[Any], computations: Sequence[ComputationAPI]) -> tuple[Receipt, ...]:
    found: list[Receipt] = []
    used, count = 0, 0
    for place, (transaction, receipt, computation) in enumerate(
        zip(block.transactions, receipts, computations, strict=True)
    ):
        where = (block.number, bytes(block.hash), bytes(transaction.hash), place)
        logs = tuple(
            Log(
                bytes(log.address), tuple(topic.to_bytes(32, "big") for topic in log.topics), bytes(log.data), *where, i
            )
            for i, log in enumerate(receipt.logs, count)
        )
        count += len(logs)
        created = not transaction.to and computation.is_success
        found.append(
            Receipt(
                transaction=bytes(transaction.hash),
                block_number=block.number,
                block_hash=bytes(block.hash),
                succeeded=computation.is_success,
                gas_used=receipt.gas_used - used,
                contract=bytes(computation.msg.storage_address) if created else None,
                logs=logs,
            )
        )
        used = receipt.gas_used
    return tuple(found)
