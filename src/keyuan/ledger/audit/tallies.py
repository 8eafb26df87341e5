"""Accounts, lots and holds as stored beside what the entries make of them.

Plain records of the walk in `rebuild`; lots and holds are let go as soon as nothing of them is left.
"""

from datetime import date
from typing import Any

Row = tuple[Any, ...]


class AccountTally:
    """An account: what it is, what is stored of it, and what its entries give."""

    __slots__ = ("balance", "book", "bucket", "day", "day_points", "holder", "in_lots", "legs", "name", "stored")

    def __init__(self, row: Row) -> None:
        _account_id, self.bucket, self.holder, brand, currency, self.name, *stored = row
        self.book: tuple[str, str] = (brand, currency)
        self.stored = tuple(stored)
        self.balance = 0
        self.legs = 0
        self.in_lots = 0
        self.day: date | None = None
        self.day_points = 0


class LotTally:
    """A lot: what is stored of it, and what awards and takes give."""

    __slots__ = ("account_id", "expired", "held", "remaining", "stored")

    def __init__(self, row: Row) -> None:
        _lot, self.account_id, self.remaining, remaining, held, expired, _expires_at, _at = row
        self.stored = (remaining, held, expired)
        self.held = 0
        self.expired = 0


class HoldTally:
    """A hold: what is stored of it, and what its settlements leave."""

    __slots__ = ("account_id", "available_id", "key", "remaining", "stored")

    def __init__(self, row: Row) -> None:
        _hold, self.key, self.available_id, self.account_id, self.remaining, self.stored, _expires_at = row
