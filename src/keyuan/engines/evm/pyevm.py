"""Bytecode run by py-evm: slow, in Python alone, and a second opinion on the fast machine."""

from typing import Final

from eth.abc import ComputationAPI, MessageAPI, StateAPI, TransactionContextAPI
from eth.constants import BLANK_ROOT_HASH, CREATE_CONTRACT_ADDRESS, ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.exceptions import Revert
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.message import Message
from eth_typing import Address, BlockNumber

from keyuan.engines.evm.model import GAS, SENDER, reverted
from keyuan.kernel.errors import EngineError

_SENDER: Final = Address(SENDER)
_CONTRACT: Final = Address(b"\x4b" * 20)


class PyEvmMachine:
    """A machine run by py-evm."""

    def __init__(self) -> None:
        self._state: StateAPI = PragueVM.get_state_class()(AtomicDB(), _block(0), BLANK_ROOT_HASH)
        self._made = False

    def create(self, creation: bytes, *, at_s: int) -> None:
        """Keep the contract that creation code makes."""
        self._state.execution_context = _block(at_s)
        message = Message(GAS, CREATE_CONTRACT_ADDRESS, _SENDER, 0, b"", creation, create_address=_CONTRACT)
        self._state.clear_transient_storage()
        _output(self._state.computation_class.apply_create_message(self._state, message, self._sent()))
        self._made = True

    def send(self, data: bytes, *, at_s: int) -> bytes:
        """Call the contract and keep the changes."""
        self._state.execution_context = _block(at_s)
        return self._run(data, is_static=False)

    def call(self, data: bytes) -> bytes:
        """Ask the contract."""
        return self._run(data, is_static=True)

    def replace_code(self, code: bytes) -> None:
        """Put other code at the contract's address."""
        self._state.set_code(_CONTRACT, code)

    def _run(self, data: bytes, *, is_static: bool) -> bytes:
        if not self._made:
            raise EngineError("there is no contract in this machine yet")
        code = self._state.get_code(_CONTRACT)
        message: MessageAPI = Message(GAS, _CONTRACT, _SENDER, 0, data, code, is_static=is_static)
        return _output(self._state.computation_class.apply_message(self._state, message, self._sent()))

    def _sent(self) -> TransactionContextAPI:
        return self._state.get_transaction_context_class()(gas_price=0, origin=_SENDER)


def _block(at_s: int) -> ExecutionContext:
    return ExecutionContext(
        coinbase=_SENDER,
        timestamp=at_s,
        block_number=BlockNumber(1),
        difficulty=0,
        mix_hash=ZERO_HASH32,
        gas_limit=GAS,
        prev_hashes=(),
        chain_id=1,
        base_fee_per_gas=0,
        excess_blob_gas=0,
    )


def _output(computation: ComputationAPI) -> bytes:
    if computation.is_error:
        said = computation.output if isinstance(computation.error, Revert) else b""
        raise reverted(said, type(computation.error).__name__)
    return computation.output
