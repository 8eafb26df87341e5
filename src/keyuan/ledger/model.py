"""The words of the points ledger: what can be asked of it, what it answers, and what an entry is.

Values only, as msgspec structs: a request is made several times faster than as a dataclass. How a request is decided
stands in `decide`; bytes and digests in `canonical`; SQL in `store`. Who holds an account is not here: a holder is a
number whose person is known to other rooms alone.
Units: points are whole units of one book (int, never float); money in minor units; instants are aware UTC datetimes.
"""

from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import Final, NamedTuple

from msgspec import Struct

from keyuan.kernel.errors import ConflictError, CorruptionError, InputError, KeyuanError, RefusedError

BATCH_MAX: Final = 2_000
POINTS_MAX: Final = 10**12
BALANCE_MAX: Final = 10**17
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


class Bucket(IntEnum):
    """What an account is for. Below 10 it belongs to a holder, from 11 on to the brand itself."""

    PENDING = 1
    AVAILABLE = 2
    HELD = 3
    DEBT = 4
    ISSUED = 11
    REDEEMED = 12
    EXPIRED = 13
    CLAWED_BACK = 14
    EXCHANGE = 15
    SETTLEMENT = 16


HOLDER_BUCKETS_END: Final = 10


class Kind(IntEnum):
    """What an entry did."""

    AWARD = 1
    REDEEM = 2
    HOLD = 3
    CAPTURE = 4
    VOID = 5
    EXPIRE = 6


LEGS: Final[dict[int, tuple[int, int]]] = {
    Kind.AWARD: (Bucket.ISSUED, Bucket.AVAILABLE),
    Kind.REDEEM: (Bucket.AVAILABLE, Bucket.REDEEMED),
    Kind.HOLD: (Bucket.AVAILABLE, Bucket.HELD),
    Kind.CAPTURE: (Bucket.HELD, Bucket.REDEEMED),
    Kind.VOID: (Bucket.HELD, Bucket.AVAILABLE),
    Kind.EXPIRE: (Bucket.AVAILABLE, Bucket.EXPIRED),
}


class Answer(IntEnum):
    """How a request ended. All but CONFLICT are kept with the key and given again to a repeat."""

    POSTED = 1
    NOTHING = 2
    TOO_FEW_POINTS = 3
    NO_SUCH_HOLD = 4
    HOLD_CLOSED = 5
    HOLD_TIMED_OUT = 6
    MORE_THAN_HELD = 7
    BEYOND_LIMIT = 8
    CONFLICT = 100


class LedgerInputError(InputError):
    """The request to the ledger is malformed."""


class KeyConflictError(ConflictError):
    """This key was used before for another request."""


class TransferRefusedError(RefusedError):
    """The ledger refused the transfer."""


class StaleDayError(ConflictError):
    """The award counts on another total for its day; read `earned` again under `lock_books` and retry."""


class LedgerCorruptionError(CorruptionError):
    """The ledger contradicts itself; nothing was written."""


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
    """New points for a holder, as one lot. `day_points` is what she earned on `day` with this award in it."""

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


Request = Award | Redeem | Hold | Capture | Void | Expire


class Outcome(Struct, frozen=True, gc=False):
    """The answer to one request. `seq` is the entry's number, `points` what it moved."""

    key: bytes
    answer: Answer
    seq: int | None
    points: int
    repeated: bool

    @property
    def posted(self) -> bool:
        """Whether there is an entry (made now or by the first request with this key)."""
        return self.answer is Answer.POSTED

    def error(self) -> KeyuanError | None:
        """The error to raise for a caller who needs the points moved, else None."""
        if self.answer in (Answer.POSTED, Answer.NOTHING):
            return None
        if self.answer is Answer.CONFLICT:
            return KeyConflictError(key=self.key.hex())
        reason = self.answer.name.lower().replace("_", " ")
        return TransferRefusedError(f"The ledger refused the transfer: {reason}.", key=self.key.hex())


class Entry(NamedTuple):
    """One transfer with both its legs: `points` from account `source` to account `target`. Never edited.

    `lot` is the award's entry for what concerns one lot; `origin` the hold that is settled, or the entry that is
    corrected. `takes` is the digest of what was taken from which lots (`canonical.takes_digest`).
    """

    seq: int
    at: datetime
    kind: int
    source: int
    target: int
    points: int
    lot: int | None
    origin: int | None
    expires_at: datetime | None
    rule: str | None
    rule_version: int | None
    base_minor: int | None
    extra_minor: int | None
    day: date | None
    day_points: int | None
    key: bytes
    reference: bytes | None
    takes: bytes | None
