"""Where contracts come to stand: known before anything is sent.

Source: the Ethereum Yellow Paper, section 7 (contract creation) and appendix B (RLP).
"""

from typing import Final

from eth_utils.crypto import keccak

_TEXT: Final = 0x80
_LIST: Final = 0xC0


def contract_address(creator: bytes, nonce: int) -> bytes:
    """Return the address of the contract that an account creates with its transaction of this nonce."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    if not 0 < nonce < _TEXT:
        number = bytes((_TEXT + len(number),)) + number
    body = bytes((_TEXT + len(creator),)) + creator + number
    return keccak(bytes((_LIST + len(body),)) + body)[12:]
