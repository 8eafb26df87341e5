"""Digests: sha256 over parts whose borders cannot be moved.

Concatenating "ab" + "c" and "a" + "bc" must not give one key, so every part is preceded by its length.
"""

import hashlib


def sha256(*parts: bytes) -> bytes:
    """Return the sha256 of the parts, each preceded by its length as 4 bytes, big-endian."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(4, "big"))
        whole.update(part)
    return whole.digest()
