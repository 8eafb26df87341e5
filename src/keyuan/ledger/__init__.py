"""Points on a double-entry ledger: `post` batches, ask `reads`, and `verify` that it can be rebuilt from nothing.

Accounts are opaque; who a holder is, is known to other rooms alone.
"""

from keyuan.ledger.audit import LedgerDifferenceError, Report, verify
from keyuan.ledger.books import OpenBooks, expire_due, post, release_due
from keyuan.ledger.memory import Memory
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
from keyuan.ledger.reads import (
    Balance,
    Expiring,
    Line,
    Totals,
    about_to_expire,
    balances,
    entries,
    statement,
    totals,
)

__all__ = [
    "BATCH_MAX",
    "Answer",
    "Award",
    "Balance",
    "Bucket",
    "Capture",
    "Entry",
    "Expire",
    "Expiring",
    "Hold",
    "KeyConflictError",
    "Kind",
    "LedgerCorruptionError",
    "LedgerDifferenceError",
    "LedgerInputError",
    "Line",
    "Memory",
    "OpenBooks",
    "Outcome",
    "Redeem",
    "Report",
    "Request",
    "StaleDayError",
    "Totals",
    "TransferRefusedError",
    "Void",
    "about_to_expire",
    "balances",
    "entries",
    "expire_due",
    "post",
    "release_due",
    "statement",
    "totals",
    "verify",
]
