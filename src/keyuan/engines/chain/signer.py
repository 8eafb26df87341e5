"""The publisher's key: made at first start, kept in a folder of keys, and the only thing that signs for the product.

Never a public default key. Deliberately not here: what is signed (`outbox`).
Importing this takes about a second.
"""

import os
import secrets
import stat
from pathlib import Path
from typing import Any, Final, NamedTuple

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from keyuan.engines.chain.model import Call, Fees
from keyuan.kernel.errors import CorruptionError, RefusedError

FILE: Final = "publisher"
_KEY_BYTES: Final = 32
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Of secp256k1 (SEC 2, 2.4.1)."""


class PublisherKeyError(CorruptionError):
    """The publisher's key file is damaged; restore it from your backup: without it nothing can be anchored."""


class PublisherKeyOpenError(RefusedError):
    """Other users may read the publisher's key."""


class Signed(NamedTuple):
    """A signed transaction, ready to be sent, and its hash."""

    raw: bytes
    hash: bytes


class Signer:
    """One account that signs."""

    def __init__(self, key: bytes) -> None:
        account: Any = Account.from_key(key)
        self._account: LocalAccount = account
        self.address = bytes.fromhex(self._account.address[2:])
        """The account's 20 bytes."""

    def sign(self, chain_id: int, nonce: int, call: Call, fees: Fees) -> Signed:
        """Sign a transaction (EIP-1559); the same arguments give the same bytes (RFC 6979)."""
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce,
            "maxFeePerGas": fees.highest,
            "maxPriorityFeePerGas": fees.priority,
            "gas": call.gas,
            "value": 0,
            "data": call.data,
        }
        if call.to is not None:
            fields["to"] = to_checksum_address(call.to)
        signed = self._account.sign_transaction(fields)
        return Signed(bytes(signed.raw_transaction), bytes(signed.hash))


def open_publisher(folder: Path) -> Signer:
    """Return the signer whose key is in this folder; make the key at the first start.

    Raises:
        PublisherKeyOpenError: other users may read it.
        PublisherKeyError: the file does not hold a key.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    path = folder / FILE
    if not path.exists():
        _make(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise PublisherKeyOpenError(f"Other users may read the publisher's key: run `chmod 600` on {path}.")
    key = path.read_bytes()
    if len(key) != _KEY_BYTES or not 0 < int.from_bytes(key, "big") < _ORDER:
        raise PublisherKeyError(file=path.name)
    return Signer(key)


def _make(path: Path) -> None:
    """Write a fresh key under another name and link it: of two first starts at once, one key wins, whole."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write((1 + secrets.randbelow(_ORDER - 1)).to_bytes(_KEY_BYTES, "big"))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
