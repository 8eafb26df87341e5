"""PostgreSQL: the embedded one under our own supervisor, or any server; sessions, tokens and migrations."""

from keyuan.engines.database.failures import (
    DatabaseGoneError,
    KeyTakenError,
    RetryTransactionError,
    ValueRefusedError,
)
from keyuan.engines.database.pool import Database
from keyuan.engines.database.session import Row, Session
from keyuan.engines.database.statements import load_statements

__all__ = [
    "Database",
    "DatabaseGoneError",
    "KeyTakenError",
    "RetryTransactionError",
    "Row",
    "Session",
    "ValueRefusedError",
    "load_statements",
]
