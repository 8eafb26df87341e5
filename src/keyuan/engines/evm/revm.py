"""Bytecode run by pyrevm, fast.

Values are right; gas is not looked at (across calls it is wrong there). Every question is undone after it, because
the journal of changes would otherwise grow with each.
"""

import re
from typing import Any, Final

from pyrevm import EVM, AccountInfo, BlockEnv, Env

from keyuan.engines.evm.model import GAS, SENDER, RevertedError, reverted
from keyuan.kernel.errors import EngineError

_OUTPUT: Final = re.compile(r"output: 0x([0-9a-f]*)")
_SENDER: Final = "0x" + SENDER.hex()


class RevmMachine:
    """A machine run by pyrevm."""

    def __init__(self) -> None:
        # The driver's types name a bare dict; what is called here is plain.
        self._evm: Any = EVM(env=Env(block=BlockEnv(timestamp=0)), spec_id="CANCUN")
        self._address = ""

    def create(self, creation: bytes, *, at_s: int) -> None:
        """Keep the contract that creation code makes."""
        self._evm.set_block_env(BlockEnv(timestamp=at_s))
        try:
            self._address = self._evm.deploy(_SENDER, creation, gas=GAS)
        except RuntimeError as error:
            raise _refusal(error) from None

    def send(self, data: bytes, *, at_s: int) -> bytes:
        """Call the contract and keep the changes."""
        self._evm.set_block_env(BlockEnv(timestamp=at_s))
        return self._run(data, is_static=False)

    def call(self, data: bytes) -> bytes:
        """Ask the contract."""
        before = self._evm.snapshot()
        try:
            return self._run(data, is_static=True)
        finally:
            self._evm.revert(before)

    def replace_code(self, code: bytes) -> None:
        """Put other code at the contract's address."""
        self._evm.insert_account_info(self._address, AccountInfo(nonce=1, code=code))

    def _run(self, data: bytes, *, is_static: bool) -> bytes:
        if not self._address:
            raise EngineError("there is no contract in this machine yet")
        try:
            return bytes(self._evm.message_call(_SENDER, self._address, calldata=data, gas=GAS, is_static=is_static))
        except RuntimeError as error:
            raise _refusal(error) from None


def _refusal(error: RuntimeError) -> RevertedError:
    # The driver has no error of its own: what the code gave back stands in the text.
    found = _OUTPUT.search(str(error))
    return reverted(bytes.fromhex(found[1]), "") if found else reverted(b"", str(error))
