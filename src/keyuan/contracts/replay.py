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

from keyuan.contracts.artifacts import TARGETS, Target
from keyuan.contracts.calls import (
    BOOK,
    NUMBER,
    TERMS,
    WORD,
    AnswerError,
    Asking,
    append_data,
    number,
    read_latest,
    selector,
    terms_creation,
    terms_runtime,
    whole,
)
from keyuan.contracts.terms import Book, Terms, terms_hashes
from keyuan.kernel.errors import CorruptionError, InputError, RefusedError

QUOTES_MAX: Final = 1_000
VERSIONS_MAX: Final = 10_000
_OWN_PUBLISHER: Final = bytes.fromhex("c0de" * 10)


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
            head = NUMBER.pack(version) + NUMBER.pack(2 * WORD) + NUMBER.pack(count)
        except error as reason:
            raise InputError("a version, amounts and points must be from 0 to 2**64 - 1") from reason
        try:
            answer = self._machine.call(_asking("quote_many(uint64,(uint64,uint64,uint64)[])") + head + flat)
        except RefusedError as reason:
            raise ReplayError("the deployed code refuses to quote", says=reason.message) from reason
        if len(answer) != (2 + count) * WORD or answer[: 2 * WORD] != NUMBER.pack(WORD) + NUMBER.pack(count):
            raise ReplayError("the deployed code answered with no list of quotes", bytes=len(answer))
        layout = ">" + "24xQ" * count
        quotes = unpack(layout, answer[2 * WORD :])
        # What is skipped must be zero: a number beyond 64 bits is no quote.
        if pack(layout, *quotes) != answer[2 * WORD :]:
            raise ReplayError("the deployed code answered with a number that is no quote")
        return quotes


def read_terms(code: bytes, call: Asking) -> TermsRecord:
    """Return what a deployed contract says of itself.

    Args:
        code: what the chain returns for the address (`eth_getCode`).
        call: asks the contract (`eth_call`) with call data, always at the same block.

    Raises:
        AnswerError: what answers there is no ProgramTerms.
        ReplayError: there is no code, or there are no terms.
    """
    if not code:
        raise ReplayError("there is no code at this address")
    latest = read_latest("ProgramTerms", call)
    if not 1 <= latest <= VERSIONS_MAX:
        raise ReplayError("the contract has no terms", latest=latest)
    numbers = range(1, latest + 1)
    return TermsRecord(
        code=code,
        book=Book(*_unpacked(BOOK, call(_asking("book()")))),
        notice_s=number(call(_asking("notice_s()"))),
        rotation_delay_s=number(call(_asking("rotation_delay_s()"))),
        versions=tuple(Terms(*_unpacked(TERMS, call(_asking("terms(uint64)", each)))) for each in numbers),
        announced_at_s=tuple(number(call(_asking("announced_at_s(uint64)", each))) for each in numbers),
        hashes=tuple(whole(call(_asking("terms_hash(uint64)", each))) for each in numbers),
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
        machine.create(own_creation(record, target), at_s=record.announced_at_s[0])
        for version, terms in enumerate(record.versions[1:], 2):
            machine.send(append_data(version, terms), at_s=record.announced_at_s[version - 1])
    except RefusedError as reason:
        raise ReplayError("these terms break the contract's own laws", says=reason.message) from reason
    return machine


def own_creation(record: TermsRecord, target: Target) -> bytes:
    """Return creation code that makes the record's first terms, published by the machine's only caller."""
    delays_s = (record.rotation_delay_s, record.notice_s)
    return terms_creation(target, _OWN_PUBLISHER, delays_s, record.book, record.versions[0])


def _same_hashes(record: TermsRecord, machine: Machine) -> bool:
    try:
        found = [machine.call(_asking("terms_hash(uint64)", each)) for each in _numbers(record)]
    except RefusedError:
        return False
    return found == list(record.hashes)


def _numbers(record: TermsRecord) -> range:
    return range(1, len(record.versions) + 1)


def our_target(record: TermsRecord) -> Target | None:
    """Return for which EVM the deployed code was compiled from our source, byte for byte; None when it was not."""
    for target in TARGETS:
        if record.code == terms_runtime(target, (record.rotation_delay_s, record.notice_s), record.book):
            return target
    return None


def _asking(signature: str, *numbers: int) -> bytes:
    return selector("ProgramTerms", signature) + b"".join(map(NUMBER.pack, numbers))


def _unpacked(layout: Struct, answer: bytes) -> tuple[Any, ...]:
    if len(answer) != layout.size or layout.pack(*(found := layout.unpack(answer))) != answer:
        raise AnswerError(bytes=len(answer))
    return found
