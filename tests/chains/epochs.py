"""Small contracts assembled by hand, so that the chain engine is tested without a compiler.

`EPOCHS` takes 64 bytes, an epoch's number and its commitment, and refuses all but the next number, as the real anchor
does. Asked with an epoch's number it returns its commitment, asked with nothing the newest number. `MOMENT` keeps the
time and the mix hash of the block it is called in, `LOOP` never ends.
"""

REFUSAL = "Epochs: not the next"


def _push(value: bytes) -> bytes:
    return bytes((0x5F + len(value),)) + value


def _store_word(value: bytes, place: int) -> bytes:
    """MSTORE a right-aligned value."""
    return _push(value) + bytes((0x60, place, 0x52))


_REFUSE = (
    bytes.fromhex("6308c379a060e01b600052")  # Error(string), left-aligned at 0
    + _store_word(b"\x20", 0x04)
    + _store_word(bytes((len(REFUSAL),)), 0x24)
    + _push(REFUSAL.encode())
    + bytes((0x60, 8 * (32 - len(REFUSAL)), 0x1B, 0x60, 0x44, 0x52))
    + bytes.fromhex("60646000fd")
)
_READ = bytes.fromhex("366040146013576000355460005260206000f3")  # 64 bytes given? write; else return a slot
_CHECK = bytes.fromhex("5b6000546001016000351460") + bytes((0x13 + 14 + len(_REFUSE),)) + b"\x57"
_WRITE = bytes.fromhex("5b602035806000355560003560005560005260003560206000a100")
EPOCHS = _READ + _CHECK + _REFUSE + _WRITE
MOMENT = bytes.fromhex("446000554260015500")
LOOP = bytes.fromhex("5b600056")


def creation(runtime: bytes) -> bytes:
    """Creation code that leaves this runtime code."""
    return bytes((0x60, len(runtime), 0x60, 0x0C, 0x60, 0, 0x39, 0x60, len(runtime), 0x60, 0, 0xF3)) + runtime


def entry(epoch: int, commitment: bytes = b"") -> bytes:
    """What `EPOCHS` is called with to write."""
    return epoch.to_bytes(32, "big") + commitment.rjust(32, b"\xc0")
