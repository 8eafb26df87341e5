"""What an account of the staff is, and what its name and password must be like. Pure.

Units: instants are aware UTC datetimes in real time; the programme clock has no say here.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from keyuan.kernel.errors import InputError

PASSWORD_CHARACTERS_MIN: Final = 12
_PASSWORD_CHARACTERS_MAX: Final = 200
_DIFFERENT_CHARACTERS_MIN: Final = 5
IDLE_MAX: Final = timedelta(hours=8)
SESSION_MAX: Final = timedelta(days=7)
SEEN_EVERY: Final = timedelta(minutes=5)
"""A session is noted as seen at most this often, so that looking at pages writes next to nothing."""
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,62}")


class StaffNameError(InputError):
    """A name begins with a letter and has letters, digits, points and hyphens, 63 at most."""


class WeakPasswordError(InputError):
    """A password has at least 12 characters, five of them different, and is not the name or the old password."""


@dataclass(frozen=True, slots=True)
class Member:
    """Who is signed in."""

    account: uuid.UUID
    name: str
    must_change: bool


def normal_name(name: str) -> str:
    """Return a name as it is kept."""
    return name.strip().lower()


def check_name(name: str) -> str:
    """Return a name as it is kept.

    Raises:
        StaffNameError: it cannot be one.
    """
    normal = normal_name(name)
    if not _NAME.fullmatch(normal):
        raise StaffNameError
    return normal


def check_password(name: str, password: str, old: str | None = None) -> None:
    """Refuse a password that is guessed first; length is what counts (NIST SP 800-63B, section 5.1.1).

    Raises:
        WeakPasswordError: it is too short, too long, of few characters, the name or the old one.
    """
    is_long = PASSWORD_CHARACTERS_MIN <= len(password) <= _PASSWORD_CHARACTERS_MAX
    if not is_long or len(set(password)) < _DIFFERENT_CHARACTERS_MIN or password == old or name in password.lower():
        raise WeakPasswordError


def token_digest(token: str) -> bytes:
    """Return what is kept of a session's token; it is random, so one plain digest is enough."""
    return hashlib.sha256(b"keyuan staff session\0" + token.encode()).digest()
