"""Can the books be rebuilt from nothing? `verify` asks the database, `rebuild` is the pure answer."""

from keyuan.ledger.audit.books import Books, Counts, LedgerDifferenceError
from keyuan.ledger.audit.rebuild import rebuild
from keyuan.ledger.audit.verify import Report, verify

__all__ = ["Books", "Counts", "LedgerDifferenceError", "Report", "rebuild", "verify"]
