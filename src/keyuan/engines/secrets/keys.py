"""The installation's own keys: made at the first start, kept in a folder of their own, never shown.

Deliberately not here: keys of people and senders; those live in tables, wrapped by `kek` (`seal.py`).
Units: every key is 32 random bytes. The folder is 0700, a key file 0600.
"""

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from keyuan.kernel.errors import CorruptionError, RefusedError

KEY_BYTES = 32
HASH_BYTES = 16
_BLOCK_BYTES = 64  # of SHA-256
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class KeyFileError(CorruptionError):
    """A key file is damaged; restore it from your backup: without it sealed data cannot be read."""


class KeyAccessError(RefusedError):
    """Other users may read the keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The four keys: `kek` wraps other keys, two make keyed hashes, `token` signs the tenant of a transaction."""

    kek: bytes = field(repr=False)
    sender_hash: bytes = field(repr=False)
    blind_index: bytes = field(repr=False)
    token: bytes = field(repr=False)

    def sender(self, tenant: int, kind: str, value: str) -> bytes:
        """Return the 16 bytes that stand for a sender's own name for herself (`kind`: user, anonymous, …)."""
        return keyed_hash(self.sender_hash, tenant, kind, value.encode())

    def index(self, tenant: int, kind: str, value: str) -> bytes:
        """Return the blind index of a field, for look-ups by equality."""
        return keyed_hash(self.blind_index, tenant, kind, value.encode())


def keyed_hash(key: bytes, tenant: int, kind: str, value: bytes) -> bytes:
    """Return HMAC-SHA256 over `tenant|kind|value`, its first 16 bytes; `kind` is a word of ours without a bar."""
    return keyed_hasher(key, tenant, kind).of(value)


def keyed_hasher(key: bytes, tenant: int, kind: str) -> "KeyedHasher":
    """Return what makes the keyed hashes of many values of one kind."""
    return KeyedHasher(key, b"%d|%s|" % (tenant, kind.encode()))


class KeyedHasher:
    """HMAC-SHA256 (RFC 2104) over a label and a value, its first 16 bytes.

    Made once for many values: to go on from where key and label left off takes a third of the time of `hmac.digest`.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, label: bytes) -> None:
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(padded.translate(_INNER) + label)
        self._outer = hashlib.sha256(padded.translate(_OUTER))

    def of(self, value: bytes) -> bytes:
        """Return the hash of a value."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(value)
        outer.update(inner.digest())
        return outer.digest()[:HASH_BYTES]


def open_secrets(folder: Path) -> Secrets:
    """Return the keys of a folder; make the folder and the keys that are missing.

    Raises:
        KeyAccessError: the folder or a key file is open to other users.
        KeyFileError: a key file does not hold 32 bytes.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    _refuse_open(folder, "chmod 700")
    return Secrets(
        kek=_key(folder / "kek"),
        sender_hash=_key(folder / "sender-hash"),
        blind_index=_key(folder / "blind-index"),
        token=_key(folder / "token"),
    )


def _key(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    _refuse_open(path, "chmod 600")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise KeyFileError(file=path.name, bytes=len(key))
    return key


def _make(path: Path) -> None:
    """Write a fresh key under another name and link it: of two first starts at once, one key wins, whole."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new name is safe from a power cut only when its folder is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_open(path: Path, remedy: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyAccessError(f"Other users may read the keys: run `{remedy}` on {path}.", mode=oct(mode))
