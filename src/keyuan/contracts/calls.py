"""What is sent to the contracts and what they answer, as bytes of fixed width; no library is needed for it.

Not here: a chain. `call` is a function that asks one contract with call data (`eth_call`), always at the same block.
Addresses are 20 bytes, digests 32. Numbers are below 2**64 and stand in 32 bytes, big-endian (Solidity's ABI).
"""

from collections.abc import Callable
from struct import Struct
from typing import Final

from keyuan.contracts.artifacts import Name, Target, load
from keyuan.contracts.terms import Book, Terms
from keyuan.kernel.errors import CorruptionError

READ_MAX: Final = 1_000
WORD: Final = 32
NUMBER: Final = Struct(">24xQ")
TERMS: Final = Struct(">24xQ24xQ24xQ24xQ32s")
BOOK: Final = Struct(">32s32s32s")
_ADDRESS: Final = Struct(">12x20s")
Asking = Callable[[bytes], bytes]


class AnswerError(CorruptionError):
    """An answer is not what our contract gives; something else stands at its address."""


def selector(name: Name, signature: str) -> bytes:
    """Return the four bytes that call data for a function begins with."""
    return load(name).selectors[signature]


def anchor_creation(target: Target, publisher: bytes, rotation_delay_s: int) -> bytes:
    """Return what a transaction carries that deploys a LedgerAnchor."""
    arguments = _ADDRESS.pack(publisher) + NUMBER.pack(rotation_delay_s)
    return load("LedgerAnchor").codes[target].creation + arguments


def anchor_runtime(target: Target, rotation_delay_s: int) -> bytes:
    """Return the code that then stands at its address."""
    return load("LedgerAnchor").codes[target].runtime + NUMBER.pack(rotation_delay_s)


def anchor_data(epoch: int, commitment: bytes) -> bytes:
    """Return the call data that anchors an epoch."""
    return selector("LedgerAnchor", "anchor(uint64,bytes32)") + NUMBER.pack(epoch) + whole(commitment)


def read_latest(name: Name, call: Asking) -> int:
    """Return the newest epoch, or the newest version of terms."""
    return number(call(selector(name, "latest()")))


def read_commitment(epoch: int, call: Asking) -> bytes | None:
    """Return the commitment of an epoch; None while it is not anchored."""
    found = whole(call(selector("LedgerAnchor", "commitment(uint64)") + NUMBER.pack(epoch)))
    return found if any(found) else None


def read_commitments(first: int, last: int, call: Asking) -> list[bytes]:
    """Return the commitments of epochs in a row, both ends included, fewer where they end."""
    found: list[bytes] = []
    while first + len(found) <= last:
        count = min(last - first - len(found) + 1, READ_MAX)
        some = _read_some(first + len(found), count, call)
        found += some
        if len(some) < count:
            break
    return found


def _read_some(first: int, count: int, call: Asking) -> list[bytes]:
    asked = selector("LedgerAnchor", "commitments(uint64,uint64)") + NUMBER.pack(first) + NUMBER.pack(count)
    answer = call(asked)
    some = [answer[start : start + WORD] for start in range(2 * WORD, len(answer), WORD)]
    if len(some) > count or answer != NUMBER.pack(WORD) + NUMBER.pack(len(some)) + b"".join(map(whole, some)):
        raise AnswerError(bytes=len(answer))
    return some


def terms_creation(target: Target, publisher: bytes, delays_s: tuple[int, int], book: Book, first: Terms) -> bytes:
    """Return what a transaction carries that deploys a ProgramTerms; delays are rotation_delay_s and notice_s."""
    arguments = _ADDRESS.pack(publisher) + NUMBER.pack(delays_s[0]) + NUMBER.pack(delays_s[1])
    return load("ProgramTerms").codes[target].creation + arguments + BOOK.pack(*book) + TERMS.pack(*first)


def terms_runtime(target: Target, delays_s: tuple[int, int], book: Book) -> bytes:
    """Return the code that then stands at its address."""
    immutables = NUMBER.pack(delays_s[0]) + NUMBER.pack(delays_s[1]) + BOOK.pack(*book)
    return load("ProgramTerms").codes[target].runtime + immutables


def append_data(version: int, terms: Terms) -> bytes:
    """Return the call data that announces terms."""
    signature = "append(uint64,(uint64,uint64,uint64,uint64,bytes32))"
    return selector("ProgramTerms", signature) + NUMBER.pack(version) + TERMS.pack(*terms)


def number(answer: bytes) -> int:
    """Return the number that an answer is."""
    found = int.from_bytes(answer, "big")
    if len(answer) != WORD or found >= 2**64:
        raise AnswerError(bytes=len(answer))
    return found


def whole(digest: bytes) -> bytes:
    """Return a digest, or an answer that is one, as it is when it has its length."""
    if len(digest) != WORD:
        raise AnswerError("a digest must be 32 bytes", bytes=len(digest))
    return digest
