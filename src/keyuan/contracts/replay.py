"""The code of a deployed ProgramTerms, run here with the terms that its getters give.

To trust no copy, the code is what the chain returns for the address, and the terms are read from it. They are set again
in a machine in memory by the contract's own constructor and `append`, at the times of their blocks, so that they pass
the contract's own laws once more; then the deployed code takes the place of ours and must give the same digests as on
the chain and as in Python. Not here: machines (`engines/evm`), and how a chain is asked: both are handed in.
Units: `_s` seconds, `_us` microseconds since 1970; amounts in minor units, whole points.
"""

from collections.abc import Callable, Sequence
from struct import Struct, error, pack, unpack
from typing import Any, Final, NamedTuple, Protocol

from keyuan.contracts.artifacts import TARGETS, Target, load
from keyuan.contracts.terms import Book, Terms, terms_hashes
from keyuan.kernel.errors import CorruptionError, InputError, RefusedError

QUOTES_MAX: Final = 1_000
VERSIONS_MAX: Final = 10_000
_WORD: Final = 32
_NUMBER: Final = Struct(">24xQ")
_TERMS: Final = Struct(">24xQ24xQ24xQ24xQ32s")
_BOOK: Final = Struct(">32s32s32s")
_OWN_PUBLISHER: Final = bytes.fromhex("c0de" * 10).rjust(_WORD, b"\0")


class ReplayError(CorruptionError):
    """The deployed terms cannot be run again here, or say something else than they should."""


class Machine(Protocol):
    """What this room needs of an EVM in memory that holds one contract (`engines/evm`); refusals are RefusedError."""

    def create(self, creation: bytes, *, at_s: int) -> None:
        """Run creation code at a time, and keep the contract."""
        ...

    def send(self, data: bytes, *, at_s: int) -> bytes:
        """Call the contract at a time and keep what it changed; the caller is `c0de…c0de`."""
        ...

    def call(self, data: bytes) -> bytes:
        """Ask the contract."""
        ...

    def replace_code(self, code: bytes) -> None:
        """Put other run-time code where the contract is."""
        ...


class TermsRecord(NamedTuple):
    """All that a deployed ProgramTerms says of itself; versions count from 1, so the first stands at index 0."""

    code: bytes
    book: Book
    notice_s: int
    rotation_delay_s: int
    versions: tuple[Terms, ...]
    announced_at_s: tuple[int, ...]
    hashes: tuple[bytes, ...]


class TermsCode:
    """The deployed code with its terms, ready to be asked."""

    def __init__(self, machine: Machine, record: TermsRecord) -> None:
        self._machine = machine
        self.record = record

    @property
    def target(self) -> Target | None:
        """For which EVM the code was compiled from our source; None when it is not made of our source."""
        return our_target(self.record)

    def quote_many(self, version: int, purchases: Sequence[tuple[int, int, int]]) -> list[int]:
        """Return the points of each purchase (base_minor, extra_minor, earned_before) under a version, in order.

        Raises:
            InputError: a number does not fit.
            ReplayError: the code refused or gave something that is no list of as many points.
        """
        quotes: list[int] = []
        for start in range(0, len(purchases), QUOTES_MAX):
            quotes += self._quoted(version, purchases[start : start + QUOTES_MAX])
        return quotes

    def _quoted(self, version: int, purchases: Sequence[tuple[int, int, int]]) -> tuple[int, ...]:
        count = len(purchases)
        try:
            flat = pack(">" + "24xQ" * (3 * count), *[number for each in purchases for number in each])
            head = _NUMBER.pack(version) + _NUMBER.pack(2 * _WORD) + _NUMBER.pack(count)
        except error as reason:
            raise InputError("a version, amounts and points must be from 0 to 2**64 - 1") from reason
        try:
            answer = self._machine.call(selector("quote_many(uint64,(uint64,uint64,uint64)[])") + head + flat)
        except RefusedError as reason:
            raise ReplayError("the deployed code refuses to quote", says=reason.message) from reason
        if len(answer) != (2 + count) * _WORD or answer[: 2 * _WORD] != _NUMBER.pack(_WORD) + _NUMBER.pack(count):
            raise ReplayError("the deployed code answered with no list of quotes", bytes=len(answer))
        layout = ">" + "24xQ" * count
        quotes = unpack(layout, answer[2 * _WORD :])
        # What is skipped must be zero: a number beyond 64 bits is no quote.
        if pack(layout, *quotes) != answer[2 * _WORD :]:
            raise ReplayError("the deployed code answered with a number that is no quote")
        return quotes


def read_terms(code: bytes, call: Callable[[bytes], bytes]) -> TermsRecord:
    """Return what a deployed contract says of itself.

    Args:
        code: what the chain returns for the address (`eth_getCode`).
        call: asks the contract (`eth_call`) with call data, always at the same block.

    Raises:
        ReplayError: what answers there is no ProgramTerms.
    """
    if not code:
        raise ReplayError("there is no code at this address")
    latest = _number(call(selector("latest()")))
    if not 1 <= latest <= VERSIONS_MAX:
        raise ReplayError("the contract has no terms", latest=latest)
    numbers = [_NUMBER.pack(version) for version in range(1, latest + 1)]
    return TermsRecord(
        code=code,
        book=Book(*_unpacked(_BOOK, call(selector("book()")))),
        notice_s=_number(call(selector("notice_s()"))),
        rotation_delay_s=_number(call(selector("rotation_delay_s()"))),
        versions=tuple(Terms(*_unpacked(_TERMS, call(selector("terms(uint64)") + each))) for each in numbers),
        announced_at_s=tuple(_number(call(selector("announced_at_s(uint64)") + each)) for each in numbers),
        hashes=tuple(_digest(call(selector("terms_hash(uint64)") + each)) for each in numbers),
    )


def replayed(record: TermsRecord, open_machine: Callable[[], Machine]) -> TermsCode:
    """Return the deployed code with its terms in a machine.

    Where a contract stores what depends on the EVM it was compiled for, so code that is not made of our source is
    tried on what either of our constructors stores.

    Raises:
        ReplayError: the contract's own laws refuse these terms, or a digest of chain, machine and Python differs.
    """
    if list(record.hashes) != terms_hashes(record.book, record.versions):
        raise ReplayError("the chain's terms_hash is not the digest of the terms it shows")
    target = our_target(record)
    for each in (target,) if target else TARGETS:
        machine = _with_terms(record, each, open_machine())
        machine.replace_code(record.code)
        if _same_hashes(record, machine):
            return TermsCode(machine, record)
    raise ReplayError("the deployed code does not hold the terms that the chain shows")


def _with_terms(record: TermsRecord, target: Target, machine: Machine) -> Machine:
    try:
        machine.create(creation_data(record, target), at_s=record.announced_at_s[0])
        for version, terms in enumerate(record.versions[1:], 2):
            machine.send(append_data(version, terms), at_s=record.announced_at_s[version - 1])
    except RefusedError as reason:
        raise ReplayError("these terms break the contract's own laws", says=reason.message) from reason
    return machine


def _same_hashes(record: TermsRecord, machine: Machine) -> bool:
    try:
        found = [machine.call(selector("terms_hash(uint64)") + _NUMBER.pack(each)) for each in _numbers(record)]
    except RefusedError:
        return False
    return found == list(record.hashes)


def _numbers(record: TermsRecord) -> range:
    return range(1, len(record.versions) + 1)


def creation_data(record: TermsRecord, target: Target) -> bytes:
    """Return creation code with the arguments that make the record's first terms."""
    arguments = _OWN_PUBLISHER + _NUMBER.pack(record.rotation_delay_s) + _NUMBER.pack(record.notice_s)
    first = _BOOK.pack(*record.book) + _TERMS.pack(*record.versions[0])
    return load("ProgramTerms").codes[target].creation + arguments + first


def append_data(version: int, terms: Terms) -> bytes:
    """Return the call data of `append`."""
    return (
        selector("append(uint64,(uint64,uint64,uint64,uint64,bytes32))") + _NUMBER.pack(version) + _TERMS.pack(*terms)
    )


def our_target(record: TermsRecord) -> Target | None:
    """Return for which EVM the deployed code was compiled from our source, byte for byte; None when it was not."""
    immutables = _NUMBER.pack(record.rotation_delay_s) + _NUMBER.pack(record.notice_s) + _BOOK.pack(*record.book)
    for target, code in load("ProgramTerms").codes.items():
        if record.code == code.runtime + immutables:
            return target
    return None


def selector(signature: str) -> bytes:
    """Return the four bytes that call data for a function of ProgramTerms begins with."""
    return load("ProgramTerms").selectors[signature]


def _unpacked(layout: Struct, answer: bytes) -> tuple[Any, ...]:
    if len(answer) != layout.size or layout.pack(*(found := layout.unpack(answer))) != answer:
        raise ReplayError("an answer is not what its function gives", bytes=len(answer))
    return found


def _number(answer: bytes) -> int:
    found = int.from_bytes(answer, "big")
    if len(answer) != _WORD or found >= 2**64:
        raise ReplayError("an answer is no number")
    return found


def _digest(answer: bytes) -> bytes:
    if len(answer) != _WORD:
        raise ReplayError("an answer is no digest", bytes=len(answer))
    return answer
