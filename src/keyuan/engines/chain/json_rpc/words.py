"""The hexadecimal words of JSON-RPC, strictly: quantities without leading zeros, data of whole bytes.

Source: Ethereum JSON-RPC specification, "Hex value encoding".
"""

from typing import Any, Final, TypeGuard

from keyuan.engines.chain.model import ADDRESS_BYTES, HASH_BYTES, Block, Log, Receipt
from keyuan.kernel.errors import InputError

_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_QUANTITY_MAX: Final = 66


class WordError(InputError):
    """A value is not a hexadecimal word as JSON-RPC has them."""


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value from JSON is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a value from JSON is a list."""
    return isinstance(value, list)


def quantity(value: int) -> str:
    """Write a number."""
    return hex(value)


def data(value: bytes) -> str:
    """Write bytes."""
    return "0x" + value.hex()


def to_int(word: object) -> int:
    """Read a number."""
    if not isinstance(word, str) or not word.startswith("0x") or not len("0x0") <= len(word) <= _QUANTITY_MAX:
        raise WordError
    if not _DIGITS.issuperset(word[2:]) or (word[2] == "0" and len(word) > len("0x0")):
        raise WordError
    return int(word, 16)


def to_bytes(word: object, length: int | None = None) -> bytes:
    """Read bytes, exactly `length` of them if it is given."""
    if not isinstance(word, str) or not word.startswith("0x") or not _DIGITS.issuperset(word[2:]):
        raise WordError
    if len(word) % 2 or (length is not None and len(word) != 2 + 2 * length):
        raise WordError
    return bytes.fromhex(word[2:])


def to_address(word: object) -> bytes:
    """Read an address; of capitals only EIP-55 says more, and it is not asked here."""
    return to_bytes(word, ADDRESS_BYTES)


def to_hash(word: object) -> bytes:
    """Read a hash."""
    return to_bytes(word, HASH_BYTES)


def from_log(log: Log) -> dict[str, Any]:
    """Write a log."""
    return {
        "address": data(log.address),
        "topics": [data(topic) for topic in log.topics],
        "data": data(log.data),
        "blockNumber": quantity(log.block_number),
        "blockHash": data(log.block_hash),
        "transactionHash": data(log.transaction),
        "transactionIndex": quantity(log.transaction_index),
        "logIndex": quantity(log.place),
        "removed": False,
    }


def to_log(found: dict[str, Any]) -> Log:
    """Read a log."""
    return Log(
        address=to_address(found["address"]),
        topics=tuple(to_hash(topic) for topic in found["topics"]),
        data=to_bytes(found["data"]),
        block_number=to_int(found["blockNumber"]),
        block_hash=to_hash(found["blockHash"]),
        transaction=to_hash(found["transactionHash"]),
        transaction_index=to_int(found["transactionIndex"]),
        place=to_int(found["logIndex"]),
    )


def to_block(found: dict[str, Any]) -> Block:
    """Read a block's header."""
    return Block(
        number=to_int(found["number"]),
        hash=to_hash(found["hash"]),
        parent=to_hash(found["parentHash"]),
        timestamp=to_int(found["timestamp"]),
    )


def to_receipt(found: dict[str, Any]) -> Receipt:
    """Read a receipt."""
    contract = found.get("contractAddress")
    succeeded = to_int(found["status"]) == 1
    return Receipt(
        transaction=to_hash(found["transactionHash"]),
        block_number=to_int(found["blockNumber"]),
        block_hash=to_hash(found["blockHash"]),
        succeeded=succeeded,
        gas_used=to_int(found["gasUsed"]),
        contract=to_address(contract) if contract and succeeded else None,
        logs=tuple(to_log(log) for log in found["logs"]),
    )
