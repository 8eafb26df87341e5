"""Questions about points: balances, statements, what is about to expire, and totals as of an instant.

Deliberately not here: changes (`store`) and checks (`audit`).
Units: points (int); instants are aware UTC datetimes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from keyuan.engines.database import Row, Session, load_statements
from keyuan.ledger.model import Bucket, Entry, Kind

_SQL = load_statements(__package__ or "")
LIMIT_MAX: Final = 1_000
_NEWEST: Final = 2**63 - 1
_BUCKET_FIELDS: Final[dict[int, str]] = {
    Bucket.PENDING: "pending",
    Bucket.AVAILABLE: "available",
    Bucket.HELD: "held",
    Bucket.DEBT: "debt",
}
_BUDGET_FIELDS: Final[dict[int, str]] = {
    Bucket.BUDGET_GRANTED: "granted",
    Bucket.BUDGET_FREE: "free",
    Bucket.BUDGET_RESERVED: "reserved",
    Bucket.BUDGET_SPENT: "spent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a holder has of one brand's currency."""

    holder: int
    brand: str
    currency: str
    pending: int = 0
    available: int = 0
    held: int = 0
    debt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry as its holder sees it: what came to her (positive) or went, and what moved into or out of hold.

    An award says for which basket: `base_minor`, and of it `extra_minor` once more.
    """

    seq: int
    at: datetime
    kind: Kind
    brand: str
    currency: str
    available: int
    held: int
    expires_at: datetime | None
    reference: bytes | None
    base_minor: int | None
    extra_minor: int | None


class MonthSums(NamedTuple):
    """What a month brought and took a holder in one book; `first` is its first instant."""

    first: datetime
    earned: int
    redeemed: int
    expired: int


class HolderLeg(NamedTuple):
    """One entry from its holder's side. `account` is her available account, which stands for all of hers in a book."""

    seq: int
    at: datetime
    kind: int
    account: int
    brand: str
    currency: str
    points: int
    rule: str | None
    rule_version: int | None
    base_minor: int | None
    extra_minor: int | None
    day: date | None
    day_points: int | None
    expires_at: datetime | None
    reference: bytes | None


class HolderBook(NamedTuple):
    """A holder's place in one book; `account` is what stands for it in `HolderLeg`."""

    account: int
    brand: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """Free points of one lot that end soon."""

    holder: int
    brand: str
    currency: str
    lot: int
    points: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What entries up to an instant add up to."""

    points_issued: int
    points_redeemed: int
    points_expired: int
    points_owed: int
    awards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a campaign was granted of one brand's money, in minor units: what of it is free, reserved and spent."""

    campaign: int
    brand: str
    currency: str
    granted: int = 0
    free: int = 0
    reserved: int = 0
    spent: int = 0


def balances(session: Session, holders: Iterable[int]) -> list[Balance]:
    """One row per holder, brand and currency; holders without points have none."""
    sums: dict[tuple[int, str, str], dict[str, int]] = {}
    for holder, brand, currency, bucket, balance in session.rows(_SQL["balances"], holders=list(holders)):
        sums.setdefault((holder, brand, currency), {})[_BUCKET_FIELDS[bucket]] = balance
    return [
        Balance(holder=holder, brand=brand, currency=currency, **buckets)
        for (holder, brand, currency), buckets in sums.items()
    ]


def budgets(session: Session, campaigns: Iterable[int]) -> list[Budget]:
    """One row per campaign, brand and currency; campaigns without money have none."""
    sums: dict[tuple[int, str, str], dict[str, int]] = {}
    for campaign, brand, currency, bucket, balance in session.rows(_SQL["budgets"], campaigns=list(campaigns)):
        sign = -1 if bucket == Bucket.BUDGET_GRANTED else 1
        sums.setdefault((campaign, brand, currency), {})[_BUDGET_FIELDS[bucket]] = sign * balance
    return [
        Budget(campaign=campaign, brand=brand, currency=currency, **buckets)
        for (campaign, brand, currency), buckets in sums.items()
    ]


def books_of(session: Session, holder: int) -> list[HolderBook]:
    """The books in which a holder ever had points, by name."""
    return [HolderBook(*row) for row in session.rows(_SQL["books_of"], holder=holder)]


def statement(
    session: Session,
    holder: int,
    *,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
) -> list[Line]:
    """The newest entries of a holder first, all or those in [since, until); `before` is the last `seq` of a page."""
    rows = session.rows(
        _SQL["statement"],
        holder=holder,
        before=_NEWEST if before is None else before,
        since=since,
        until=until,
        limit=min(limit, LIMIT_MAX),
    )
    return [_line(row) for row in rows]


def _line(row: Row) -> Line:
    seq, at, kind, source, target, brand, currency, points, expires_at, reference, base_minor, extra_minor = row
    return Line(
        seq=seq, at=at, kind=Kind(kind), brand=brand, currency=currency,
        available=points * ((target == Bucket.AVAILABLE) - (source == Bucket.AVAILABLE)),
        held=points * ((target == Bucket.HELD) - (source == Bucket.HELD)),
        expires_at=expires_at, reference=reference, base_minor=base_minor, extra_minor=extra_minor,
    )  # fmt: skip


def months_of(session: Session, holder: int, brand: str, currency: str) -> list[MonthSums]:
    """The months in which something moved for a holder in one book, newest first."""
    rows = session.rows(_SQL["months_of"], holder=holder, brand=brand, currency=currency)
    return [MonthSums._make(row) for row in rows]


def lots_of(session: Session, holder: int, after: datetime, until: datetime) -> list[Expiring]:
    """Lots of one holder with free points that end in (after, until], first to expire first."""
    rows = session.rows(_SQL["lots_of"], holder=holder, after=after, until=until)
    return [
        Expiring(holder=holder, brand=brand, currency=currency, lot=lot, points=points, expires_at=expires_at)
        for brand, currency, lot, points, expires_at in rows
    ]


def about_to_expire(session: Session, after: datetime, until: datetime, limit: int = LIMIT_MAX) -> list[Expiring]:
    """Lots with free points that end in (after, until], first to expire first."""
    rows = session.rows(_SQL["lots_about_to_expire"], after=after, until=until, limit=min(limit, LIMIT_MAX))
    return [
        Expiring(holder=holder, brand=brand, currency=currency, lot=lot, points=points, expires_at=expires_at)
        for holder, brand, currency, lot, points, expires_at in rows
    ]


def totals(session: Session, as_of: datetime) -> Totals:
    """From entries alone, with `at <= as_of`. `points_owed` is available and held of all holders together."""
    issued, redeemed, expired, awards = session.row(_SQL["totals"], as_of=as_of) or (0, 0, 0, 0)
    return Totals(
        points_issued=issued,
        points_redeemed=redeemed,
        points_expired=expired,
        points_owed=issued - redeemed - expired,
        awards=awards,
    )


def entries(session: Session, after: int = 0) -> Iterator[Entry]:
    """Every entry after a number, in order: for exports, and for the leaves of proofs."""
    for *fields, _link in session.stream(_SQL["entries_after"], after=after):
        yield Entry(*fields)


def last_entry(session: Session) -> int:
    """The number of the newest entry, 0 before the first; entries are numbered without gaps."""
    row = session.row(_SQL["head"])
    return row[0] if row else 0


def last_movement(session: Session) -> int:
    """The number of the newest entry that has a holder's side, 0 before the first."""
    row = session.row(_SQL["last_movement"])
    return row[0] if row else 0


def count_movements(session: Session) -> int:
    """How many entries have a holder's side: all but those of budgets."""
    row = session.row(_SQL["count_movements"])
    return row[0] if row else 0


def links_of(session: Session, seqs: Iterable[int]) -> dict[int, bytes]:
    """The links of some entries by their numbers: each stands for its entry and all before it."""
    return dict(session.rows(_SQL["links_of"], seqs=list(seqs)))


def holder_legs(session: Session, after: int, limit: int, upto: int = _NEWEST) -> list[HolderLeg]:
    """The next entries of (after, upto] from their holders' side, in order; those of budgets have none."""
    rows = session.rows(_SQL["holder_legs"], after=after, upto=upto, limit=limit)
    return [HolderLeg._make(row) for row in rows]
