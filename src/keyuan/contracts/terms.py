"""The terms of a programme in Python: the same answers as `ProgramTerms.vy`, bit for bit.

Used where a call to a chain would be too slow, and as the other side of the check that the deployed code agrees. Pure,
integers only. Not here: the doubling itself (who sums up the lines of a category hands over `extra_minor`), the expiry
of a lot, and anything that asks for the time.

The bytes of a version, 201 of them, big-endian; the digest of each version commits to all before it:

| offset | bytes | field |
|---|---|---|
| 0 | 1 | format, 0 |
| 1 | 32 | sha256 of the brand |
| 33 | 32 | sha256 of the points' currency |
| 65 | 32 | sha256 of the rule's name |
| 97 | 8 | version, from 1 |
| 105 | 8 | starts_at_us |
| 113 | 8 | minor_per_point |
| 121 | 8 | daily_cap |
| 129 | 8 | expiry_months |
| 137 | 32 | doubled: digest of the categories that count twice |
| 169 | 32 | sha256 of these bytes of the version before; zeros for the first |

Units: `_us` microseconds since 1970, `_s` seconds; `_minor` in the programme's money; points are whole.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple

from keyuan.kernel.digest import sha256 as sha256_framed
from keyuan.kernel.errors import InputError

FORMAT: Final = 0
ARGUMENT_MAX: Final = 2**64 - 1
NUMBER_MAX: Final = 2**63 - 1
MONTHS_MAX: Final = 1_200
NOTICE_MIN_S: Final = 7 * 86_400
NOTICE_MAX_S: Final = 365 * 86_400
AHEAD_MAX_S: Final = 2 * NOTICE_MAX_S
NO_HASH: Final = bytes(32)
_SECOND_US: Final = 10**6
_BYTES: Final = Struct(">B32s32s32s5Q32s32s")


class InvalidTermsError(InputError):
    """The contract would refuse these terms."""


class Book(NamedTuple):
    """Whose points terms are about: digests of the brand, of the points' currency and of the rule's name."""

    brand: bytes
    currency: bytes
    rule: bytes


class Terms(NamedTuple):
    """One version of the terms; what it says holds from `starts_at_us` on, inclusive."""

    starts_at_us: int
    minor_per_point: int
    daily_cap: int
    expiry_months: int
    doubled: bytes


class Purchase(NamedTuple):
    """A purchase as the terms see it."""

    base_minor: int
    extra_minor: int
    earned_before: int


def name_digest(name: str) -> bytes:
    """Return the digest under which brands, currencies and rules are known to contracts and proofs."""
    return sha256(name.encode()).digest()


def doubled_digest(categories: Iterable[str]) -> bytes:
    """Return the digest of the categories that count twice: their sorted names, each preceded by its length."""
    return sha256_framed(*sorted({name.encode() for name in categories}))


def terms_bytes(book: Book, version: int, terms: Terms, hash_before: bytes) -> bytes:
    """Return the bytes of a version (the module's table)."""
    starts_at_us, minor_per_point, daily_cap, expiry_months, doubled = terms
    return _BYTES.pack(
        FORMAT, *book, version, starts_at_us, minor_per_point, daily_cap, expiry_months, doubled, hash_before
    )


def terms_hash(book: Book, version: int, terms: Terms, hash_before: bytes) -> bytes:
    """Return the digest of a version, given that of the version before it."""
    return sha256(terms_bytes(book, version, terms, hash_before)).digest()


def terms_hashes(book: Book, versions: Iterable[Terms]) -> list[bytes]:
    """Return the digests of versions 1, 2, 3 and so on."""
    hashes: list[bytes] = []
    for number, terms in enumerate(versions, 1):
        hashes.append(terms_hash(book, number, terms, hashes[-1] if hashes else NO_HASH))
    return hashes


def version_at(versions: Sequence[Terms], instant_us: int) -> int:
    """Return the version in force at an instant; 0 before the first began."""
    return bisect_right(versions, instant_us, key=lambda terms: terms.starts_at_us)


def quote(terms: Terms, base_minor: int, extra_minor: int, earned_before: int) -> int:
    """Return the points of one purchase: added up, divided once and rounded down, up to what is left of the cap."""
    numbers = (base_minor, extra_minor, earned_before)
    if min(numbers) < 0 or max(numbers) > ARGUMENT_MAX:
        raise InputError("amounts and points must be from 0 to 2**64 - 1")
    left = terms.daily_cap - earned_before
    return 0 if left <= 0 else min((base_minor + extra_minor) // terms.minor_per_point, left)


def quote_many(terms: Terms, purchases: Iterable[tuple[int, int, int]]) -> list[int]:
    """Return the points of each purchase (base_minor, extra_minor, earned_before) on its own."""
    return [quote(terms, base, extra, earned) for base, extra, earned in purchases]


def may_hurt(before: Terms, terms: Terms) -> bool:
    """Tell whether new terms could be worse for somebody than those before, so that they need notice."""
    return (
        terms.minor_per_point > before.minor_per_point
        or terms.daily_cap < before.daily_cap
        or terms.expiry_months < before.expiry_months
        or terms.doubled != before.doubled
    )


def check_first(book: Book, first: Terms, notice_s: int, now_s: int) -> None:
    """Check what the constructor checks at the time of its block.

    Raises:
        InvalidTermsError: the contract could not be deployed like this.
    """
    if NO_HASH in book:
        raise InvalidTermsError("brand, currency and rule must be named")
    if not NOTICE_MIN_S <= notice_s <= NOTICE_MAX_S:
        raise InvalidTermsError("notice must be from 7 to 365 days", notice_s=notice_s)
    _check_numbers(first, now_s)


def check_next(before: Terms, terms: Terms, notice_s: int, now_s: int) -> None:
    """Check what `append` checks at the time of its block.

    Raises:
        InvalidTermsError: the contract would refuse them.
    """
    _check_numbers(terms, now_s)
    if terms.starts_at_us <= before.starts_at_us:
        raise InvalidTermsError("terms must begin after those before them")
    if terms.starts_at_us < now_s * _SECOND_US:
        raise InvalidTermsError("terms must not reach into the past")
    if may_hurt(before, terms) and terms.starts_at_us < (now_s + notice_s) * _SECOND_US:
        raise InvalidTermsError("terms that could be worse for customers need notice", notice_s=notice_s)


def _check_numbers(terms: Terms, now_s: int) -> None:
    for name, value, high in (
        ("minor_per_point", terms.minor_per_point, NUMBER_MAX),
        ("daily_cap", terms.daily_cap, NUMBER_MAX),
        ("expiry_months", terms.expiry_months, MONTHS_MAX),
        ("starts_at_us", terms.starts_at_us, min((now_s + AHEAD_MAX_S) * _SECOND_US, ARGUMENT_MAX)),
    ):
        if not 1 <= value <= high:
            raise InvalidTermsError(f"{name} must be from 1 to {high}", value=value)
    if len(terms.doubled) != len(NO_HASH):
        raise InvalidTermsError("doubled must be 32 bytes")
