"""The bytes of a leaf: one movement of one holder's points, as it is hashed. Version 0: may change until version 1.

Fixed width, big-endian, no separators; one value has one encoding and `decode` refuses every other. Nothing here knows
who holds an account, or reads or decides.

A leaf is 340 bytes:

| offset | bytes | field |
|---|---|---|
| 0 | 1 | version, 0 |
| 1 | 1 | kind: 1 award, 2 redeem, 3 hold, 4 capture, 5 void, 6 expire |
| 2 | 2 | present: bit 0 rule, 1 rule_version, 2 base_minor, 3 extra_minor, 4 day, 5 day_points, 6 expires_at, 7 reference |
| 4 | 8 | seq: number of the leaf in the log, from 1; unsigned |
| 12 | 8 | at, microseconds since 1970-01-01T00:00:00Z |
| 20 | 32 | account: the pseudonym of a holder's account in one book, random |
| 52 | 32 | brand: sha256 of its name in UTF-8 |
| 84 | 32 | currency: sha256 of its name in UTF-8 |
| 116 | 8 | delta: change of the available points, signed |
| 124 | 8 | available points after this movement |
| 132 | 8 | held points after it |
| 140 | 8 | pending points after it |
| 148 | 8 | debt after it |
| 156 | 8 | account_seq: number of the leaf in its account, from 1; unsigned |
| 164 | 32 | previous: hash of the account's leaf before; zeros for its first |
| 196 | 32 | rule: sha256 of its name in UTF-8 |
| 228 | 8 | rule_version |
| 236 | 8 | base_minor: the basket, minor units |
| 244 | 8 | extra_minor: what of it counts twice, minor units |
| 252 | 8 | day, days since 1970-01-01 |
| 260 | 8 | day_points: points the account earned that day, with this leaf |
| 268 | 8 | expires_at, microseconds |
| 276 | 32 | reference: sha256(salt || the ledger's reference) |
| 308 | 32 | salt: random |

What is absent is zeros and a cleared bit in `present`, so that absent and zero never look the same.
The hash of a leaf is sha256(00 || these bytes) (RFC 9162, 2.1.1).

Why a salt: times, amounts and balances can be guessed, and a hash of guessable bytes can be tried out. With 32 random
bytes in each leaf its hash tells nothing to whoever has not got the leaf, so proofs of others, which carry hashes of
neighbours, give nothing away. Whoever destroys a person's leaves, salts and pseudonyms leaves 32 bytes in the tree that
nobody can open again, and every root and proof stays what it was.
Source: DESIGN 6; the layout is our own.
"""  # noqa: E501  # the table's rows are one line each

from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple

from keyuan.kernel.errors import InputError
from keyuan.ledger.model import POINT_KINDS

VERSION: Final = 0
LEAF_BYTES: Final = 340
DIGEST_BYTES: Final = 32
NO_DIGEST: Final = bytes(DIGEST_BYTES)
_LEAF: Final = Struct(">BBHQq32s32s32s5qQ32s32s6q32s32s")
_ALL_PRESENT: Final = 0xFF


class LeafBytesError(InputError):
    """These bytes are not a leaf."""


class Leaf(NamedTuple):
    """One movement of one holder's account; texts stand here as digests (the module's table)."""

    kind: int
    seq: int
    at_us: int
    account: bytes
    brand: bytes
    currency: bytes
    delta: int
    available: int
    held: int
    pending: int
    debt: int
    account_seq: int
    previous: bytes
    salt: bytes
    rule: bytes | None = None
    rule_version: int | None = None
    base_minor: int | None = None
    extra_minor: int | None = None
    day: int | None = None
    day_points: int | None = None
    expires_at_us: int | None = None
    reference: bytes | None = None


def text_digest(text: str) -> bytes:
    """Return the digest that stands for a brand, a currency or a rule."""
    return sha256(text.encode()).digest()


def salted_reference(salt: bytes, reference: bytes) -> bytes:
    """Return what a leaf shows of the ledger's reference."""
    return sha256(salt + reference).digest()


def encode(leaf: Leaf) -> bytes:
    """Return the 340 bytes of a leaf."""
    (kind, seq, at_us, account, brand, currency, delta, available, held, pending, debt, account_seq, previous, salt,
     rule, rule_version, base_minor, extra_minor, day, day_points, expires_at_us, reference) = leaf  # fmt: skip
    present = (
        (rule is not None)
        | (rule_version is not None) << 1
        | (base_minor is not None) << 2
        | (extra_minor is not None) << 3
        | (day is not None) << 4
        | (day_points is not None) << 5
        | (expires_at_us is not None) << 6
        | (reference is not None) << 7
    )
    return _LEAF.pack(
        VERSION,
        kind,
        present,
        seq,
        at_us,
        account,
        brand,
        currency,
        delta,
        available,
        held,
        pending,
        debt,
        account_seq,
        previous,
        rule or NO_DIGEST,
        rule_version or 0,
        base_minor or 0,
        extra_minor or 0,
        day or 0,
        day_points or 0,
        expires_at_us or 0,
        reference or NO_DIGEST,
        salt,
    )


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a leaf's bytes in every tree."""
    return sha256(b"\0" + body).digest()


def decode(body: bytes) -> Leaf:
    """Return the leaf of these bytes.

    Raises:
        LeafBytesError: they are not the encoding of a leaf.
    """
    if len(body) != LEAF_BYTES:
        raise LeafBytesError(f"A leaf has {LEAF_BYTES} bytes.", bytes=len(body))
    version, kind, present, *fields, salt = _LEAF.unpack(body)
    if version != VERSION:
        raise LeafBytesError("This program knows leaves of version 0 only.", version=version)
    given = [value if present >> bit & 1 else None for bit, value in enumerate(fields[12:])]
    leaf = Leaf._make([kind, *fields[:12], salt, *given])
    if present > _ALL_PRESENT or encode(leaf) != body:
        raise LeafBytesError("A field that is marked as absent is not zero, or an unknown bit is set.")
    _check(leaf)
    return leaf


def _check(leaf: Leaf) -> None:
    if leaf.kind not in POINT_KINDS:
        raise LeafBytesError("There is no such kind of movement.", kind=leaf.kind)
    if min(leaf.available, leaf.held, leaf.pending, leaf.debt) < 0:
        raise LeafBytesError("A balance is below zero.", seq=leaf.seq)
    if leaf.seq < 1 or leaf.account_seq < 1:
        raise LeafBytesError("Leaves are counted from 1.", seq=leaf.seq, account_seq=leaf.account_seq)
    if (leaf.previous == NO_DIGEST) != (leaf.account_seq == 1):
        raise LeafBytesError("The first leaf of an account, and no other, has none before it.", seq=leaf.seq)
