"""What a batch must know of the books to be decided, and what it has changed of them.

Working records, changed in place by `decide` and used up by one batch. Loading and keeping them is `store`'s.
Units: points; instants of lots and holds as microseconds since 1970, `NEVER_US` for a lot without an end.
"""

from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from msgspec import Struct

from keyuan.kernel.clock import to_us
from keyuan.ledger.canonical import account_name, first_link
from keyuan.ledger.model import HOLDER_BUCKETS_END, Answer, LedgerCorruptionError

NEVER_US: Final = 2**63 - 1


class Account(Struct, gc=False):
    """One account: `balance` is what came in less what went out, `legs` how many entries name it.

    `day` and `day_points` (available accounts only) are the latest day of an award and its total.
    """

    account_id: int
    bucket: int
    holder: int
    brand: str
    currency: str
    name: bytes
    balance: int = 0
    legs: int = 0
    day: date | None = None
    day_points: int = 0
    balance_before: int = 0
    is_new: bool = False


class Lot(Struct, gc=False):
    """The points of one award: `remaining` of them are not gone yet, `held` of those are on hold."""

    lot: int
    account_id: int
    granted: int
    remaining: int
    held: int
    expired: int
    expires_at: datetime | None
    expires_us: int
    remaining_before: int
    held_before: int = 0

    @property
    def free(self) -> int:
        """What can still be spent or expire."""
        return self.remaining - self.held

    def __lt__(self, other: "Lot") -> bool:
        return (self.expires_us, self.lot) < (other.expires_us, other.lot)


class Held(Struct):
    """A hold: its entry's number, and what it took from which lots, first to expire first."""

    hold: int
    key: bytes
    available_id: int
    account_id: int
    points: int
    remaining: int
    expires_at: datetime
    expires_us: int
    takes: list[tuple[Lot, int]]
    remaining_before: int = 0
    is_new: bool = False


class KeyRow(Struct, frozen=True, gc=False):
    """What is kept of a request that was answered."""

    key: bytes
    digest: bytes
    answer: Answer
    seq: int | None
    points: int


class Head(NamedTuple):
    """The end of the chain of entries, and how many accounts and keys were ever made."""

    seq: int
    link: bytes
    accounts: int
    keys: int


AccountKey = tuple[int, int, str, str]
"""Bucket, holder (0: the brand's own; of a budget: the number of its campaign), brand, currency."""


_NONE: Final[Mapping[int, Account]] = {}


class Accounts:
    """Accounts by what they are for. Those of one bucket and book lie together, and are found there by holder alone."""

    __slots__ = ("_alike",)

    def __init__(self) -> None:
        self._alike: dict[tuple[int, str, str], dict[int, Account]] = {}

    def of(self, bucket: int, brand: str, currency: str) -> Mapping[int, Account]:
        """All accounts of one bucket in one book, by holder."""
        return self._alike.get((bucket, brand, currency), _NONE)

    def get(self, key: AccountKey) -> Account | None:
        """The account of this name, if there is one."""
        bucket, holder, brand, currency = key
        return self.of(bucket, brand, currency).get(holder)

    def __getitem__(self, key: AccountKey) -> Account:
        bucket, holder, brand, currency = key
        return self._alike[bucket, brand, currency][holder]

    def add(self, account: Account) -> None:
        """Add an account under its name."""
        alike = self._alike.setdefault((account.bucket, account.brand, account.currency), {})
        alike[account.holder] = account

    def values(self) -> Iterator[Account]:
        """All of them."""
        return (account for alike in self._alike.values() for account in alike.values())

    def clear(self) -> None:
        """Let go of all."""
        self._alike.clear()


@dataclass(slots=True)
class State:
    """The part of one tenant's books that a batch touches. `lots_of` has a list for each account that may spend."""

    tenant: int
    seq: int = 0
    link: bytes = b""
    accounts_made: int = 0
    keys_kept: int = 0
    keys: dict[bytes, KeyRow] = field(default_factory=dict[bytes, KeyRow])
    accounts: Accounts = field(default_factory=Accounts)
    by_id: dict[int, Account] = field(default_factory=dict[int, Account])
    lots: dict[int, Lot] = field(default_factory=dict[int, Lot])
    lots_of: dict[int, list[Lot]] = field(default_factory=dict[int, list[Lot]])
    holds: dict[bytes, Held] = field(default_factory=dict[bytes, Held])
    earlier_days: dict[tuple[int, date], int] = field(default_factory=dict[tuple[int, date], int])

    def __post_init__(self) -> None:
        if not self.link:
            self.link = first_link(self.tenant)

    @property
    def head(self) -> Head:
        """Where the chain ends now."""
        return Head(self.seq, self.link, self.accounts_made, self.keys_kept)

    def keep_account(self, account: Account) -> None:
        """Add an account that is stored."""
        self.accounts.add(account)
        self.by_id[account.account_id] = account

    def account(self, key: AccountKey) -> Account:
        """The account of this name, made now if it is not there. Ids of a brand's own accounts are negative."""
        account = self.accounts.get(key)
        if account is None:
            bucket, holder, brand, currency = key
            self.accounts_made += 1
            number = self.accounts_made if bucket < HOLDER_BUCKETS_END else -self.accounts_made
            name = account_name(bucket, holder, brand, currency)
            account = Account(number, bucket, holder, brand, currency, name, is_new=True)
            self.keep_account(account)
            self.lots_of[number] = []
        return account

    def add_lot(self, lot: Lot) -> None:
        """Add a lot to those known, in the order of spending if its account may spend in this batch."""
        if lot.lot in self.lots:
            raise LedgerCorruptionError("a lot is there twice", lot=lot.lot)
        self.lots[lot.lot] = lot
        queue = self.lots_of.get(lot.account_id)
        if queue is not None:
            insort(queue, lot)

    def earned(self, account: Account, day: date) -> int:
        """What the account's holder earned on a day before now."""
        if account.day is None or day > account.day:
            return 0
        if day == account.day:
            return account.day_points
        return self.earlier_days.get((account.account_id, day), 0)


def lot_us(expires_at: datetime | None) -> int:
    """The instant of a lot's end as it is ordered."""
    return NEVER_US if expires_at is None else to_us(expires_at)
