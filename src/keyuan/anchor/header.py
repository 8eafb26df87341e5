"""The header of an epoch: the bytes whose digest stands on the chain, and what they commit to. Version 0.

Fixed width, big-endian, unsigned where nothing else is said. Nothing here closes an epoch (`epoch`) or checks a proof.

A header is 301 bytes, and the commitment is sha256 of them:

| offset | bytes | field |
|---|---|---|
| 0 | 1 | version, 0 |
| 1 | 8 | chain_id |
| 9 | 20 | contract: address of the LedgerAnchor |
| 29 | 32 | ledger: pseudonym of the tenant, random |
| 61 | 8 | epoch, from 1 |
| 69 | 8 | first_seq: number of its first leaf |
| 77 | 8 | last_seq: number of its last leaf, which is the size of the log |
| 85 | 32 | batch_root: RFC 9162 root over the leaves of this epoch |
| 117 | 32 | log_root: RFC 9162 root over all leaves from the beginning |
| 149 | 8 | books: how many |
| 157 | 32 | books_digest: sha256(book 1 || book 2 || …), see below |
| 189 | 8 | terms: how many versions of terms are known |
| 197 | 32 | terms_head: end of the chain of terms, see below |
| 229 | 32 | entries: sha256(05 || salt || link of the ledger's last entry in this epoch), the salt random and kept |
| 261 | 32 | previous: commitment of the epoch before; zeros for the first |
| 293 | 8 | closed_at, microseconds since 1970-01-01T00:00:00Z, signed |

The table of books has 96 bytes a book, in ascending order and none twice, so that there is one sum for one brand:
brand (32) || currency (32) || sha256 of the book's record (32). A record is 185 bytes:

| offset | bytes | field |
|---|---|---|
| 0 | 1 | version, 0 |
| 1 | 32 | brand: sha256 of its name in UTF-8 |
| 33 | 32 | currency: sha256 of its name in UTF-8 |
| 65 | 8 | accounts: leaves of the sum tree |
| 73 | 32 | sum_root: hash of its root (`sums`) |
| 105 | 8 × 4 | available, held, pending, debt: the root's sums, signed |
| 137 | 8 × 3 | issued, redeemed, expired in this epoch, signed |
| 161 | 8 × 3 | issued, redeemed, expired since the beginning, signed |

What a brand owes is available + held, and issued − redeemed − expired since the beginning is the same number.

Terms are chained over all programmes in the order in which the ledger took them in: head n is
sha256(04 || head n − 1 || terms_hash of the contract ProgramTerms), head 0 zeros. So each header says which versions
were known at that time, and none can be put in or changed afterwards.
Source: DESIGN 6; the layout is our own.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from struct import Struct
from typing import Final, NamedTuple

from keyuan.anchor.leaf import NO_DIGEST, VERSION
from keyuan.anchor.sums import SumNode
from keyuan.kernel.errors import InputError

HEADER_BYTES: Final = 301
RECORD_BYTES: Final = 185
_HEADER: Final = Struct(">BQ20s32sQQQ32s32sQ32sQ32s32s32sq")
_RECORD: Final = Struct(">B32s32sQ32s4q6q")


class HeaderBytesError(InputError):
    """These bytes are not a header, or a table of books that cannot be."""


class Domain(NamedTuple):
    """What all headers of one ledger share: where its commitments stand, and its pseudonym."""

    chain_id: int
    contract: bytes
    ledger: bytes


class Header(NamedTuple):
    """What one epoch commits to (the module's first table)."""

    chain_id: int
    contract: bytes
    ledger: bytes
    epoch: int
    first_seq: int
    last_seq: int
    batch_root: bytes
    log_root: bytes
    books: int
    books_digest: bytes
    terms: int
    terms_head: bytes
    entries: bytes
    previous: bytes
    closed_at_us: int

    def encode(self) -> bytes:
        """Return the bytes of the header."""
        return _HEADER.pack(VERSION, *self)

    def commitment(self) -> bytes:
        """Return what stands on the chain for this epoch."""
        return sha256(self.encode()).digest()

    @classmethod
    def decode(cls, body: bytes) -> "Header":
        """Return the header of these bytes.

        Raises:
            HeaderBytesError: they are not the encoding of a header.
        """
        if len(body) != HEADER_BYTES or body[0] != VERSION:
            raise HeaderBytesError(f"A header of version 0 has {HEADER_BYTES} bytes.", bytes=len(body))
        header = cls._make(_HEADER.unpack(body)[1:])
        if not 1 <= header.first_seq <= header.last_seq or header.epoch < 1:
            raise HeaderBytesError("Epochs and leaves are counted from 1, and no epoch is empty.", epoch=header.epoch)
        return header


class Flows(NamedTuple):
    """Points of one book that came and went: in an epoch, or since the beginning."""

    issued: int = 0
    redeemed: int = 0
    expired: int = 0

    def plus(self, other: "Flows") -> "Flows":
        """Return the sum of both."""
        return Flows(self.issued + other.issued, self.redeemed + other.redeemed, self.expired + other.expired)


class BookRecord(NamedTuple):
    """One book at the end of an epoch (the module's second table)."""

    brand: bytes
    currency: bytes
    accounts: int
    root: SumNode
    epoch: Flows
    since: Flows

    def encode(self) -> bytes:
        """Return the 185 bytes of the record."""
        return _RECORD.pack(VERSION, self.brand, self.currency, self.accounts, *self.root, *self.epoch, *self.since)

    @classmethod
    def decode(cls, body: bytes) -> "BookRecord":
        """Return the record of these bytes.

        Raises:
            HeaderBytesError: they are not the encoding of a record.
        """
        if len(body) != RECORD_BYTES or body[0] != VERSION:
            raise HeaderBytesError(f"A record of version 0 has {RECORD_BYTES} bytes.", bytes=len(body))
        _, brand, currency, accounts, *rest = _RECORD.unpack(body)
        return cls(brand, currency, accounts, SumNode(*rest[:5]), Flows(*rest[5:8]), Flows(*rest[8:]))

    def line(self) -> "BookLine":
        """Return the book's line in the table."""
        return BookLine(self.brand, self.currency, sha256(self.encode()).digest())


class BookLine(NamedTuple):
    """One book in the table that a header commits to."""

    brand: bytes
    currency: bytes
    record: bytes


def books_digest(lines: Sequence[BookLine]) -> bytes:
    """Return the digest of the table of books.

    Raises:
        HeaderBytesError: the books are not in ascending order, or one stands there twice.
    """
    if any(one[:2] >= other[:2] for one, other in pairwise(lines)):
        raise HeaderBytesError("Books stand in ascending order, none twice.")
    return sha256(b"".join([brand + currency + record for brand, currency, record in lines])).digest()


def entries_digest(salt: bytes, link: bytes) -> bytes:
    """Return what a header says of its entries; by their link alone an entry could be guessed and confirmed."""
    return sha256(b"\5" + salt + link).digest()


def terms_head(terms_hashes: Iterable[bytes], head: bytes = NO_DIGEST) -> bytes:
    """Return the end of the chain of terms after more versions."""
    for terms_hash in terms_hashes:
        head = sha256(b"\4" + head + terms_hash).digest()
    return head
