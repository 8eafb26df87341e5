"""Points on a double-entry ledger: `post` batches, ask `reads`, and `verify` that it can be rebuilt from nothing.

Accounts are opaque; who a holder is, is known to other rooms alone.
"""

from keyuan.ledger.model import (
    BATCH_MAX,
    Answer,
    Award,
    Bucket,
    Capture,
    Entry,
    Expire,
    Hold,
    KeyConflictError,
    Kind,
    LedgerCorruptionError,
    LedgerInputError,
    Outcome,
    Redeem,
    Request,
    StaleDayError,
    TransferRefusedError,
    Void,
)
from keyuan.ledger.store import expire_due, lock_books, post, release_due

__all__ = [
    "BATCH_MAX",
    "Answer",
    "Award",
    "Bucket",
    "Capture",
    "Entry",
    "Expire",
    "Hold",
    "KeyConflictError",
    "Kind",
    "LedgerCorruptionError",
    "LedgerInputError",
    "Outcome",
    "Redeem",
    "Request",
    "StaleDayError",
    "TransferRefusedError",
    "Void",
    "expire_due",
    "lock_books",
    "post",
    "release_due",
]
