"""The signed tenant token: which tenant a transaction belongs to, in a form that SQL injection cannot forge.

A plain setting can be changed by anybody who can run SQL as the app role. The token is an HMAC-SHA256 over the
tenant and the backend's process id, checked inside PostgreSQL by `sec.tenant()` with a key that the app role
cannot read. The function needs the two padded keys of RFC 2104 only, so these are what is stored.
"""

import hashlib
import hmac

BLOCK_BYTES = 64


def sign(key: bytes, tenant: int, backend_pid: int) -> str:
    """Return the token of one tenant for the transactions of one backend."""
    message = f"{tenant}.{backend_pid}"
    return f"{message}.{hmac.new(key, message.encode(), hashlib.sha256).hexdigest()}"


def padded_keys(key: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer keys of RFC 2104 section 2, as the database stores them."""
    block = key.ljust(BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
