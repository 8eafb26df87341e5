"""What can be asked of the ledger: each request checks itself, so that nothing malformed reaches the books.

Values only, as msgspec structs: a request is made several times faster than as a dataclass. Deliberately not here: how
a request is decided (`decide`), and what makes two of one key the same (`canonical`).
Units: points are whole units of one book (int, never float); money in minor units; instants are aware UTC datetimes.
"""

from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final

from msgspec import Struct

from keyuan.kernel.errors import InputError
from keyuan.kernel.money import exponent
from keyuan.ledger.model import BALANCE_MAX, Kind, LedgerInputError

POINTS_MAX: Final = 10**12
MINOR_MAX: Final = 10**15
HOLDER_MAX: Final = 2**63 - 1
TEXT_MAX: Final = 100
RULE_MAX: Final = 200
AT_MIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
AT_MAX: Final = datetime(2200, 1, 1, tzinfo=UTC)
_DIGEST_BYTES: Final = 32
_ZERO: Final = timedelta(0)
_NAMES_MAX: Final = 1_000
_checked_names: set[tuple[str, str, str]] = set()
"""Brand, currency and rule of awards that were found in order: few, and each in very many awards."""


def _check_digest(name: str, value: object) -> None:
    if type(value) is not bytes or len(value) != _DIGEST_BYTES:
        raise LedgerInputError(f"{name} must be 32 bytes")


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    # `type is int` also keeps True and floats out of the books.
    if type(value) is not int or not low <= value <= high:
        raise LedgerInputError(f"{name} must be a whole number from {low} to {high}", value=value)


def _check_instant(name: str, value: object) -> None:
    if not isinstance(value, datetime) or not (value.tzinfo is UTC or value.utcoffset() == _ZERO):
        raise LedgerInputError(f"{name} must be a datetime in UTC")
    if not AT_MIN <= value < AT_MAX:
        raise LedgerInputError(f"{name} must lie between the years 2000 and 2200", value=value)


def _check_text(name: str, value: object, limit: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= limit or "\0" in value:
        raise LedgerInputError(f"{name} must be text of 1 to {limit} characters")


def _check_money(currency: object) -> None:
    _check_text("currency", currency, TEXT_MAX)
    try:
        exponent(str(currency))
    except InputError as error:
        raise LedgerInputError(f"the currency of a budget is money: {error.message}", currency=currency) from error


def _check_common(key: object, at: object, reference: object) -> None:
    _check_digest("key", key)
    _check_instant("at", at)
    if reference is not None:
        _check_digest("reference", reference)


def _check_book(holder: object, brand: object, currency: object) -> None:
    _check_whole("holder", holder, 1, HOLDER_MAX)
    _check_text("brand", brand, TEXT_MAX)
    _check_text("currency", currency, TEXT_MAX)


class Award(Struct, frozen=True, kw_only=True, gc=False):
    """New points for a holder, as one lot. `day_points` is what she earned on `day` with this award in it.

    `day` is the UTC day of `at`: totals of days are looked for among the awards of the day.
    """

    key: bytes
    holder: int
    brand: str
    currency: str
    points: int
    at: datetime
    rule: str
    rule_version: int
    base_minor: int
    extra_minor: int
    expires_at: datetime | None = None
    day: date | None = None
    day_points: int | None = None
    reference: bytes | None = None

    def __post_init__(self) -> None:
        # Awards are many: what is in order is seen in one expression, only what is not is looked at word by word.
        if not (
            type(self.key) is bytes
            and len(self.key) == _DIGEST_BYTES
            and type(self.holder) is int
            and 1 <= self.holder <= HOLDER_MAX
            and (self.brand, self.currency, self.rule) in _checked_names
            and type(self.points) is int
            and 0 <= self.points <= POINTS_MAX
            and type(self.rule_version) is int
            and 0 <= self.rule_version <= POINTS_MAX
            and type(self.base_minor) is int
            and -MINOR_MAX <= self.base_minor <= MINOR_MAX
            and type(self.extra_minor) is int
            and -MINOR_MAX <= self.extra_minor <= MINOR_MAX
            and type(self.day) is date
            and type(self.day_points) is int
            and self.points <= self.day_points <= BALANCE_MAX
            and type(self.reference) is bytes
            and len(self.reference) == _DIGEST_BYTES
            and type(self.at) is datetime
            and self.at.tzinfo is UTC
            and type(self.expires_at) is datetime
            and self.expires_at.tzinfo is UTC
            and AT_MIN <= self.at < self.expires_at < AT_MAX
        ):
            self._check()

    def _check(self) -> None:
        _check_common(self.key, self.at, self.reference)
        _check_book(self.holder, self.brand, self.currency)
        _check_whole("points", self.points, 0, POINTS_MAX)
        _check_text("rule", self.rule, RULE_MAX)
        _check_whole("rule_version", self.rule_version, 0, POINTS_MAX)
        _check_whole("base_minor", self.base_minor, -MINOR_MAX, MINOR_MAX)
        _check_whole("extra_minor", self.extra_minor, -MINOR_MAX, MINOR_MAX)
        if self.expires_at is not None:
            _check_instant("expires_at", self.expires_at)
            if self.expires_at <= self.at:
                raise LedgerInputError("expires_at must be after at", at=self.at, expires_at=self.expires_at)
        if (self.day is None) != (self.day_points is None):
            raise LedgerInputError("day and day_points come together or not at all")
        if self.day is not None and type(self.day) is not date:
            raise LedgerInputError("day must be a date")
        if self.day_points is not None:
            _check_whole("day_points", self.day_points, self.points, BALANCE_MAX)
        if len(_checked_names) >= _NAMES_MAX:
            _checked_names.clear()
        _checked_names.add((self.brand, self.currency, self.rule))


class Redeem(Struct, frozen=True, kw_only=True, gc=False):
    """Points given back to the brand at once, from the lots that expire first."""

    key: bytes
    holder: int
    brand: str
    currency: str
    points: int
    at: datetime
    reference: bytes | None = None

    def __post_init__(self) -> None:
        _check_common(self.key, self.at, self.reference)
        _check_book(self.holder, self.brand, self.currency)
        _check_whole("points", self.points, 1, POINTS_MAX)


class Hold(Struct, frozen=True, kw_only=True, gc=False):
    """Points set aside for a redemption to come. From `expires_at` on it can only be released."""

    key: bytes
    holder: int
    brand: str
    currency: str
    points: int
    at: datetime
    expires_at: datetime
    reference: bytes | None = None

    def __post_init__(self) -> None:
        _check_common(self.key, self.at, self.reference)
        _check_book(self.holder, self.brand, self.currency)
        _check_whole("points", self.points, 1, POINTS_MAX)
        _check_instant("expires_at", self.expires_at)
        if self.expires_at <= self.at:
            raise LedgerInputError("a hold must end after it begins", at=self.at, expires_at=self.expires_at)


class Capture(Struct, frozen=True, kw_only=True, gc=False):
    """Redeem part or all of a hold, named by the key of its `Hold`; the rest stays on hold."""

    key: bytes
    hold: bytes
    points: int
    at: datetime
    reference: bytes | None = None

    def __post_init__(self) -> None:
        _check_common(self.key, self.at, self.reference)
        _check_digest("hold", self.hold)
        _check_whole("points", self.points, 1, POINTS_MAX)


class Void(Struct, frozen=True, kw_only=True, gc=False):
    """Give back all that is left of a hold, named by the key of its `Hold`."""

    key: bytes
    hold: bytes
    at: datetime
    reference: bytes | None = None

    def __post_init__(self) -> None:
        _check_common(self.key, self.at, self.reference)
        _check_digest("hold", self.hold)


class Expire(Struct, frozen=True, kw_only=True, gc=False):
    """Take back what is left free of a lot that is due; `store.expire_due` makes these.

    `expired` is how many points of this lot expired before: a hold that ends after its lot is due gives the
    lot a second expiry. Key, lot and this number belong together (`canonical.expire_key`).
    """

    key: bytes
    lot: int
    expired: int
    at: datetime
    reference: bytes | None = None

    def __post_init__(self) -> None:
        _check_common(self.key, self.at, self.reference)
        _check_whole("lot", self.lot, 1, HOLDER_MAX)
        _check_whole("expired", self.expired, 0, BALANCE_MAX)


class BudgetMove(Struct, frozen=True, kw_only=True, gc=False):
    """Money of one campaign's budget, in minor units of its currency; the kinds of moves follow."""

    kind: ClassVar[Kind]

    key: bytes
    campaign: int
    brand: str
    currency: str
    minor: int
    at: datetime
    reference: bytes | None = None

    def __post_init__(self) -> None:
        _check_common(self.key, self.at, self.reference)
        _check_whole("campaign", self.campaign, 1, HOLDER_MAX)
        _check_text("brand", self.brand, TEXT_MAX)
        _check_money(self.currency)
        _check_whole("minor", self.minor, 1, MINOR_MAX)


class Fund(BudgetMove, frozen=True, kw_only=True, gc=False):
    """Money granted to a campaign; it is free to be reserved."""

    kind = Kind.FUND


class Reserve(BudgetMove, frozen=True, kw_only=True, gc=False):
    """Free money set aside for what was promised, the face of coupons for instance."""

    kind = Kind.RESERVE


class Spend(BudgetMove, frozen=True, kw_only=True, gc=False):
    """Reserved money that a promise has cost."""

    kind = Kind.SPEND


class Release(BudgetMove, frozen=True, kw_only=True, gc=False):
    """Reserved money that is free again, as the promise has ended."""

    kind = Kind.RELEASE


Request = Award | Redeem | Hold | Capture | Void | Expire | Fund | Reserve | Spend | Release
