"""What a programme pays for a purchase: pure decisions, in integers.

The award of a basket is the smaller of what is left of the member's daily cap and
`floor((total_minor + doubled_minor) / minor_per_point)`, where `doubled_minor` sums the lines in a doubled category;
a line without a category is not doubled. Multiply before dividing, round down once, per award.
Not here: who the member is (flows resolve that) and how points are kept (`ledger`).
Units: `_minor` in the programme's money currency, points are whole; a day is a UTC day.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from keyuan.kernel.clock import DAY_US, date_of, months_from
from keyuan.kernel.digest import framed
from keyuan.kernel.errors import MissingError

if TYPE_CHECKING:
    from _hashlib import HASH


class UnknownProgrammeError(MissingError):
    """There is no such programme."""


class EarnRule(NamedTuple):
    """One version of the terms of earning; issue of a new version never changes what an old one paid.

    `starts_at_us`: from when on it holds, as a contract says it.
    """

    name: str
    version: int
    minor_per_point: int
    daily_cap: int
    doubled_categories: frozenset[str]
    expiry_months: int
    starts_at_us: int = 946_684_800_000_000  # the year 2000: before everything that a ledger holds

    def lasts(self, day: int) -> timedelta:
        """Return how long a lot lasts that is earned on a day, counted from the epoch."""
        return months_from(day, self.expiry_months)


class Programme(NamedTuple):
    """A points programme: one brand issues, one points currency, one rule in force."""

    id: str
    name: str
    brand: str
    currency: str
    money_currency: str
    rule: EarnRule


class Basket(Struct, frozen=True, gc=False):
    """A purchase as the rules see it: a holder, a time and amounts, no person."""

    holder: int
    at_us: int
    base_minor: int
    doubled_minor: int


class Quote(Struct, frozen=True, gc=False):
    """What a basket earns, and the member's total of that day after it."""

    points: int
    day: date
    day_points: int


DayPoints = Mapping[tuple[int, date], int]
"""Points that a holder earned on a day: (holder, day) to points."""


def day_of(at_us: int) -> date:
    """Return the UTC day of an instant."""
    return date_of(at_us // DAY_US)


def doubled_minor(rule: EarnRule, lines: Iterable[tuple[str | None, int]]) -> int:
    """Return the sum of the lines (category, minor units) whose category is doubled."""
    doubled = rule.doubled_categories
    return sum([minor for category, minor in lines if category in doubled])


def quote_many(rule: EarnRule, baskets: Sequence[Basket], earned: DayPoints) -> list[Quote]:
    """Return what each basket earns, in the order given, and count it against the day as it goes."""
    today = dict(earned)
    quotes: list[Quote] = []
    for basket in baskets:
        day = day_of(basket.at_us)
        before = today.get((basket.holder, day), 0)
        wished = (basket.base_minor + basket.doubled_minor) // rule.minor_per_point
        points = max(min(rule.daily_cap - before, wished), 0)
        today[basket.holder, day] = before + points
        quotes.append(Quote(points, day, before + points))
    return quotes


def earn_key(tenant: int, programme: str, rule: str, subject: bytes) -> bytes:
    """Return the key under which one purchase is awarded once, however often and from wherever it is told.

    `subject` is the order where there is one (`order_subject`): a till, an app and an import that send the same
    order then share the key.
    """
    whole = _begun_key(tenant, programme, rule).copy()
    whole.update(subject)
    return whole.digest()


def order_subject(order_id: str) -> bytes:
    """Return the bytes that stand for an order in its key."""
    body = order_id.encode()
    return _ORDER + len(body).to_bytes(4, "big") + body


_ORDER = framed(b"order")


@lru_cache(maxsize=256)
def _begun_key(tenant: int, programme: str, rule: str) -> "HASH":
    """Return the digest of what the keys of one rule begin with; copies of it are carried on."""
    return hashlib.sha256(framed(b"earn", str(tenant).encode(), programme.encode(), rule.encode()))
