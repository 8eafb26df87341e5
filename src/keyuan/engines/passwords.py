"""Passwords: argon2id, the only importer of its driver.

Costs are the second recommendation of RFC 9106, section 4: 64 MiB of memory, three passes, four lanes. Whoever
calls bounds how many run at once. Deliberately not here: what a password must be like (`staff`).
"""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)


def digest_password(password: str) -> str:
    """Return the digest of a password, with its salt and costs."""
    return _HASHER.hash(password)


def is_password(digest: str | None, password: str) -> bool:
    """Tell whether a password is the one that was digested; without a digest it takes as long and is not."""
    try:
        return _HASHER.verify(digest or _nobody(), password) and digest is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")
