"""Codes of coupons: ten signs that can be read out, typed by hand and made again, and that nobody can guess.

A code is made of 50 bits of a keyed hash of tenant, offer and person; what is kept is another keyed hash, of the code.
So a coupon can be shown to its owner at any time, and whoever sees the table learns no code: trying all 2^50 out needs
the key. Not here: the key (`engines.secrets`).
Source: Crockford's base 32: no I, L, O or U; when read, I and L are 1, O is 0, case and hyphens mean nothing.
"""

from typing import Final
from uuid import UUID

from keyuan.engines.secrets import HASH_BYTES, Secrets

SIGNS: Final = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 5
_READ = str.maketrans("ILO", "110", "- ")


def code_of(secrets: Secrets, tenant: int, offer: str, person: UUID) -> str:
    """Return the code of a person's coupon; whether she has one is not said by that."""
    number = int.from_bytes(secrets.index(tenant, "coupon.code", f"{offer}\0{person}"), "big")
    number >>= 8 * HASH_BYTES - SIGNS * _BITS
    return "".join(_ALPHABET[number >> _BITS * place & 31] for place in reversed(range(SIGNS)))


def read(written: str) -> str | None:
    """Return the code that somebody wrote; None if it cannot be one."""
    code = written.strip().upper().translate(_READ)
    return code if len(code) == SIGNS and all(sign in _ALPHABET for sign in code) else None


def hash_of(secrets: Secrets, tenant: int, code: str) -> bytes:
    """Return the 16 bytes by which a code is found again."""
    return secrets.index(tenant, "coupon.hash", code)
