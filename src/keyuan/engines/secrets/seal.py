"""Sealing: AES-GCM under a random key per owner (a sender, a person), that key wrapped by the key-encryption key.

Destroying an owner's key erases whatever was sealed under it, in backups too. Deliberately not here: where wrapped
keys are kept. Everything takes a batch.
Units: a sealed value is version (1 byte), check of the key (4), nonce (12), ciphertext and tag.
Source: AES-GCM as in NIST SP 800-38D, 96-bit random nonces; one owner's key seals far fewer than 2^32 values.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyuan.engines.secrets.keys import KEY_BYTES
from keyuan.kernel.errors import CorruptionError

VERSION = b"\x00"
NONCE_BYTES = 12
_CHECK_BYTES = 4
_CHECK = hashlib.sha256(b"keyuan key check")
_HEAD_BYTES = len(VERSION) + _CHECK_BYTES
_CIPHER_FROM = _HEAD_BYTES + NONCE_BYTES


class SealBrokenError(CorruptionError):
    """A sealed value was altered, or stands in the place of another."""


class Sealer:
    """Seals and opens under one owner's key; made once per owner and batch, never kept longer."""

    __slots__ = ("_cipher", "_head")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        check = _CHECK.copy()
        check.update(key)
        self._head = VERSION + check.digest()[:_CHECK_BYTES]

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Return the sealed value; `place` names where it belongs and must be given again to open it."""
        return self._seal(os.urandom(NONCE_BYTES), plain, place)

    def _seal(self, nonce: bytes, plain: bytes, place: bytes) -> bytes:
        return self._head + nonce + self._cipher.encrypt(nonce, plain, self._head + place)

    @staticmethod
    def seal_all(values: "Sequence[tuple[Sealer, bytes, bytes]]") -> list[bytes]:
        """Seal many values, each given as (sealer, plain, place): asking for randomness is dear, so it is done once."""
        random = os.urandom(NONCE_BYTES * len(values))
        return [
            sealer._seal(random[first : first + NONCE_BYTES], plain, place)  # noqa: SLF001  # its own class
            for first, (sealer, plain, place) in zip(range(0, len(random), NONCE_BYTES), values, strict=True)
        ]

    def open(self, sealed: bytes, place: bytes) -> bytes | None:
        """Return the plain value; None when it was sealed under an earlier key, destroyed since.

        Raises:
            SealBrokenError: the value was altered or moved.
        """
        if not sealed.startswith(self._head):
            return None
        try:
            return self._cipher.decrypt(sealed[_HEAD_BYTES:_CIPHER_FROM], sealed[_CIPHER_FROM:], self._head + place)
        except InvalidTag:
            raise SealBrokenError from None


def make_keys(kek: bytes, owners: Sequence[bytes]) -> dict[bytes, tuple[bytes, Sealer]]:
    """Return a fresh wrapped key and its sealer for each owner; `owners` are names bound into the wrapping."""
    wrapper = Sealer(kek)
    made: dict[bytes, tuple[bytes, Sealer]] = {}
    for owner in owners:
        key = os.urandom(KEY_BYTES)
        made[owner] = (wrapper.seal(key, owner), Sealer(key))
    return made


def unwrap_keys(kek: bytes, wrapped: Mapping[bytes, bytes]) -> dict[bytes, Sealer]:
    """Return a sealer for each owner from the wrapped keys.

    Raises:
        SealBrokenError: a wrapped key was altered, is another owner's, or was wrapped by another key.
    """
    wrapper = Sealer(kek)
    found: dict[bytes, Sealer] = {}
    for owner, sealed in wrapped.items():
        key = wrapper.open(sealed, owner)
        if key is None:
            raise SealBrokenError("A key was wrapped by another key-encryption key; restore the right `kek` file.")
        found[owner] = Sealer(key)
    return found
