"""What a machine can do, and how it says that code refused. Pure; both machines are written to it."""

from typing import Final, Protocol

from keyuan.kernel.errors import RefusedError

GAS: Final = 10**7
"""Enough for ten batches of 1,000 quotes; code that never ends is stopped, in the slow machine too."""
SENDER: Final = bytes.fromhex("c0de" * 10)
"""Who calls: an address like any other, without a key or a meaning."""
_ERROR: Final = bytes.fromhex("08c379a0")
_WORD: Final = 32


class RevertedError(RefusedError):
    """The code in the machine refused the call."""


class Machine(Protocol):
    """An EVM with room for one contract; every call is sent by `SENDER`."""

    def create(self, creation: bytes, *, at_s: int) -> None:
        """Run creation code, constructor arguments included, at a time, and keep the contract."""
        ...

    def send(self, data: bytes, *, at_s: int) -> bytes:
        """Call the contract at a time and keep what it changed."""
        ...

    def call(self, data: bytes) -> bytes:
        """Ask the contract; nothing changes, and a call that would change something is refused."""
        ...

    def replace_code(self, code: bytes) -> None:
        """Put other run-time code where the contract is; what it stored stays."""
        ...


def reverted(output: bytes, halted: str = "") -> RevertedError:
    """Return the error for what refused code gave back; `halted` says why a machine stopped without an answer."""
    if output.startswith(_ERROR) and len(output) >= len(_ERROR) + 2 * _WORD:
        body = output[len(_ERROR) + _WORD :]
        text = body[_WORD : _WORD + int.from_bytes(body[:_WORD], "big")]
        return RevertedError(text.decode("utf-8", "replace"))
    return RevertedError(halted or None)
