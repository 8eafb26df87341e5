"""Identifiers: UUID version 7 (RFC 9562), ordered by the time they were made.

Python has `uuid.uuid7` only from 3.14 on; this is the same layout for 3.11.
"""

import secrets
import time
import uuid

_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62


def new_id() -> uuid.UUID:
    """Return a fresh UUID: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return uuid.UUID(int=(milliseconds << 80) | _VERSION | (high << 64) | _VARIANT | low)
