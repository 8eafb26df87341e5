"""Questions of whoever looks into the books: sums by bucket, movements page by page, lots by month.

Accounts are shown by their codes, the first bytes of their names; who holds them is not known here.
Units: points, or minor units of money in budgets; instants are aware UTC datetimes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from keyuan.engines.database import Session, load_statements
from keyuan.ledger.model import Bucket, Kind

_SQL = load_statements("keyuan.ledger", "explorer_queries.sql")
_NEWEST: Final = 2**63 - 1


class Sums(NamedTuple):
    """Where every issued point is, of all brands together; `accounts` is the number of holders' accounts.

    The money of budgets is not in it.
    """

    issued: int
    available: int
    held: int
    redeemed: int
    expired: int
    clawed_back: int
    accounts: int

    @property
    def is_whole(self) -> bool:
        """Whether the parts add up to what was issued."""
        return self.issued == self.available + self.held + self.redeemed + self.expired + self.clawed_back


class Ending(NamedTuple):
    """Free points that end in a while, and how many accounts they are on."""

    points: int
    accounts: int


class Movement(NamedTuple):
    """One entry from its holder's side; `account` is the number of her account, `code` its name's digest."""

    seq: int
    at: datetime
    kind: Kind
    account: int
    code: bytes
    points: int
    rule: str | None
    rule_version: int | None
    base_minor: int | None
    expires_at: datetime | None
    link: bytes


class BudgetEntry(NamedTuple):
    """One entry of a campaign's budget: `minor` units of the budget's currency."""

    seq: int
    at: datetime
    kind: Kind
    minor: int


class LotMonth(NamedTuple):
    """What is left of the lots that end in one month."""

    month: datetime
    points: int
    first_ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which movements: those in [since, until) of one kind and one account of a holder, where these are given."""

    before: int | None = None
    kind: Kind | None = None
    account: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def sums(session: Session) -> Sums:
    """Return where every issued point is, from the balances of accounts."""
    found = {bucket: (int(total), count) for bucket, total, count in session.rows(_SQL["sums"])}

    def total(bucket: Bucket) -> int:
        return found.get(bucket, (0, 0))[0]

    available = found.get(Bucket.AVAILABLE, (0, 0))
    return Sums(
        -total(Bucket.ISSUED), available[0], total(Bucket.HELD) + total(Bucket.PENDING), total(Bucket.REDEEMED),
        total(Bucket.EXPIRED), total(Bucket.CLAWED_BACK), available[1],
    )  # fmt: skip


def ending(session: Session, after: datetime, until: datetime) -> Ending:
    """Return what ends in (after, until] if nobody does anything."""
    points, accounts = session.row(_SQL["ending"], after=after, until=until) or (0, 0)
    return Ending(int(points), accounts)


def movements(session: Session, filters: Filters, limit: int) -> list[Movement]:
    """Return the newest movements of a choice, newest first; for the next page give the last `seq` as `before`."""
    rows = session.rows(
        _SQL["movements" if filters.account is None else "movements_of_account"],
        before=_NEWEST if filters.before is None else filters.before,
        kind=filters.kind,
        account=filters.account,
        since=filters.since,
        until=filters.until,
        limit=limit,
    )
    return [_movement(row) for row in rows]


def movement(session: Session, seq: int) -> Movement | None:
    """Return one movement by its number."""
    found = movements(session, Filters(before=seq + 1), 1)
    return found[0] if found and found[0].seq == seq else None


def budget_entries(session: Session, campaign: int, limit: int) -> list[BudgetEntry]:
    """Return the newest entries of a campaign's budget, newest first."""
    rows = session.rows(_SQL["budget_entries"], campaign=campaign, limit=limit)
    return [BudgetEntry(seq, at, Kind(kind), minor) for seq, at, kind, minor in rows]


def lot_months(session: Session, holder: int) -> list[LotMonth]:
    """Return what a holder has left, by the month in which it ends, first to end first."""
    return [LotMonth(month, int(points), first) for month, points, first in session.rows(_SQL["months"], holder=holder)]


def _movement(row: tuple[object, ...]) -> Movement:
    found = Movement._make(row)
    return found._replace(kind=Kind(found.kind))
