"""Secrets: the installation's keys, sealing under keys that can be destroyed, keyed hashes for look-ups."""

from keyuan.engines.secrets.keys import KeyAccessError, KeyFileError, Secrets, keyed_hash, open_secrets
from keyuan.engines.secrets.seal import Sealer, SealBrokenError, make_keys, unwrap_keys

__all__ = [
    "KeyAccessError",
    "KeyFileError",
    "SealBrokenError",
    "Sealer",
    "Secrets",
    "keyed_hash",
    "make_keys",
    "open_secrets",
    "unwrap_keys",
]
