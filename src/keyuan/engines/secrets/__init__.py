"""Secrets: the installation's keys, sealing under keys that can be destroyed, keyed hashes for look-ups."""

from keyuan.engines.secrets.keys import (
    HASH_BYTES,
    KeyAccessError,
    KeyedHasher,
    KeyFileError,
    Secrets,
    keyed_hash,
    keyed_hasher,
    open_secrets,
)
from keyuan.engines.secrets.seal import SealBrokenError, Sealer, make_keys, unwrap_keys

__all__ = [
    "HASH_BYTES",
    "KeyAccessError",
    "KeyFileError",
    "KeyedHasher",
    "SealBrokenError",
    "Sealer",
    "Secrets",
    "keyed_hash",
    "keyed_hasher",
    "make_keys",
    "open_secrets",
    "unwrap_keys",
]
