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
from typing import NamedTuple

from msgspec import Struct

from keyuan.kernel.clock import DAY_US, date_of, months_from
from keyuan.kernel.digest import framed, sha256
from keyuan.kernel.errors import MissingError


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


class Line(Struct, frozen=True, gc=False):
    """A line of a purchase; one whose amount is not known counts for nothing."""

    category: str | None = None
    total_minor: int | None = None


class Basket(Struct, frozen=True, gc=False):
    """A purchase as the rules see it: a holder, the UTC day and amounts, no person."""

    holder: int
    day: date
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


def doubled_minor(rule: EarnRule, lines: Iterable[Line]) -> int:
    """Return the sum of the lines whose category is doubled."""
    doubled, sum_minor = rule.doubled_categories, 0
    for line in lines:
        if line.category in doubled and line.total_minor:
            sum_minor += line.total_minor
    return sum_minor


def quote_many(rule: EarnRule, baskets: Sequence[Basket], earned: DayPoints) -> list[Quote]:
    """Return what each basket earns, in the order given, and count it against the day as it goes."""
    today = dict(earned)
    minor_per_point, daily_cap = rule.minor_per_point, rule.daily_cap
    quotes: list[Quote] = []
    for basket in baskets:
        day = basket.day
        that_day = basket.holder, day
        before = today.get(that_day, 0)
        wished = (basket.base_minor + basket.doubled_minor) // minor_per_point
        points = max(min(daily_cap - before, wished), 0)
        today[that_day] = after = before + points
        quotes.append(Quote(points, day, after))
    return quotes


def earn_keys(tenant: int, programme: str, rule: str, subjects: Iterable[bytes]) -> list[bytes]:
    """Return the key of each purchase, under which it is awarded once, however often and from wherever it is told.

    A subject is the order where there is one (`order_subject`): a till, an app and an import that send the same
    order then share the key.
    """
    begun = hashlib.sha256(framed(b"earn", str(tenant).encode(), programme.encode(), rule.encode()))
    keys: list[bytes] = []
    for subject in subjects:
        whole = begun.copy()
        whole.update(subject)
        keys.append(whole.digest())
    return keys


def order_subject(order_id: str) -> bytes:
    """Return the bytes that stand for an order in its key."""
    body = order_id.encode()
    return _ORDER + len(body).to_bytes(4, "big") + body


def due_reference(programme: str, what: str, at_us: int) -> bytes:
    """Return what stands for something due to a programme's members at an instant, in the entries that it makes."""
    return sha256(b"due", programme.encode(), what.encode(), str(at_us).encode())


def due_keys(tenant: int, reference: bytes, holders: Iterable[int]) -> list[bytes]:
    """Return the key of each holder, under which what is due happens to her once."""
    return [sha256(b"due", str(tenant).encode(), reference, str(holder).encode()) for holder in holders]


_ORDER = framed(b"order")
