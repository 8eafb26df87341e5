"""The words of the ledger: what its accounts are for, what it answers, and what an entry is.

What can be asked of it stands in `requests`; how that is decided in `decide`; bytes and digests in `canonical`; SQL in
`store`. Who holds an account is not here: a holder is a number whose person is known to other rooms alone.
Units: points are whole units of one book (int, never float); money in minor units; instants are aware UTC datetimes.
"""

from datetime import date, datetime
from enum import IntEnum
from typing import Final, NamedTuple

from msgspec import Struct

from keyuan.kernel.errors import ConflictError, CorruptionError, InputError, KeyuanError, RefusedError

BATCH_MAX: Final = 4_000
BALANCE_MAX: Final = 10**17


class Bucket(IntEnum):
    """What an account is for. Below 10 it is a holder's, from 11 on the brand's own, from 21 on a campaign's budget."""

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
    BUDGET_GRANTED = 21
    BUDGET_FREE = 22
    BUDGET_RESERVED = 23
    BUDGET_SPENT = 24


HOLDER_BUCKETS_END: Final = 10
MAY_OWE: Final = frozenset({Bucket.ISSUED, Bucket.EXCHANGE, Bucket.SETTLEMENT, Bucket.BUDGET_GRANTED})
"""What points and money come from: only these accounts may fall below zero."""


class Kind(IntEnum):
    """What an entry did."""

    AWARD = 1
    REDEEM = 2
    HOLD = 3
    CAPTURE = 4
    VOID = 5
    EXPIRE = 6
    FUND = 7
    RESERVE = 8
    SPEND = 9
    RELEASE = 10


LEGS: Final[dict[int, tuple[int, int]]] = {
    Kind.AWARD: (Bucket.ISSUED, Bucket.AVAILABLE),
    Kind.REDEEM: (Bucket.AVAILABLE, Bucket.REDEEMED),
    Kind.HOLD: (Bucket.AVAILABLE, Bucket.HELD),
    Kind.CAPTURE: (Bucket.HELD, Bucket.REDEEMED),
    Kind.VOID: (Bucket.HELD, Bucket.AVAILABLE),
    Kind.EXPIRE: (Bucket.AVAILABLE, Bucket.EXPIRED),
    Kind.FUND: (Bucket.BUDGET_GRANTED, Bucket.BUDGET_FREE),
    Kind.RESERVE: (Bucket.BUDGET_FREE, Bucket.BUDGET_RESERVED),
    Kind.SPEND: (Bucket.BUDGET_RESERVED, Bucket.BUDGET_SPENT),
    Kind.RELEASE: (Bucket.BUDGET_RESERVED, Bucket.BUDGET_FREE),
}
BUDGET_KINDS: Final = frozenset({Kind.FUND, Kind.RESERVE, Kind.SPEND, Kind.RELEASE})
"""What moves a campaign's money: such an entry has no holder's side, takes from no lot, and moves nobody's points."""
POINT_KINDS: Final = frozenset(Kind) - BUDGET_KINDS
"""What moves points: such an entry has exactly one holder."""


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
    OVER_BUDGET = 9
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

    In the books of a budget `points` are minor units of money.
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
