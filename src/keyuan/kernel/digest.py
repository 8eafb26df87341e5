"""Digests: sha256 over parts whose borders cannot be moved.

Concatenating "ab" + "c" and "a" + "bc" must not give one key, so every part is preceded by its length.
"""

import hashlib


def sha256(*parts: bytes) -> bytes:
    """Return the sha256 of the parts, each preceded by its length as 4 bytes, big-endian."""
    return hashlib.sha256(framed(*parts)).digest()


def framed(*parts: bytes) -> bytes:
    """Return the parts, each preceded by its length: what `sha256` digests."""
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(4, "big"), part)])
