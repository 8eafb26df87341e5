"""What happened: the values of the events room.

Deliberately not here: who a sender is (`profiles`), and what an event is worth (`loyalty`). No clock, SQL, network.
Units: instants are aware datetimes in UTC; `_minor` are whole minor units of `currency`; hashes are 16 bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from keyuan.kernel.errors import ConflictError, InputError

EVENT_BYTES_MAX = 32_768
LINES_MAX = 500
AHEAD_MAX = timedelta(hours=24)
CALENDAR = "calendar"
"""The kind of what happens on a date (`calendar.py`)."""
NOBODY = bytes(16)
"""Stands as the sender of what nobody did; no keyed hash is this, and it never has a key or a person."""


class PlanError(InputError):
    """The tracking plan is not valid."""


class OtherFileError(ConflictError):
    """Under this name another file is being imported; give the import a name of its own."""


class Reason(StrEnum):
    """Why an event is in quarantine: a closed list, so that counts mean something."""

    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"
    BAD_TYPE = "bad-type"
    NO_SENDER = "no-sender"
    BAD_SENDER = "bad-sender"
    BAD_MESSAGE_ID = "bad-message-id"
    BAD_TIME = "bad-time"
    TOO_FAR_AHEAD = "too-far-ahead"
    NO_EVENT_NAME = "no-event-name"
    BAD_PROPERTIES = "bad-properties"
    BAD_NUMBER = "bad-number"
    CONTROL_CHARACTERS = "control-characters"
    BAD_ORDER = "bad-order"
    BAD_LINE = "bad-line"
    TOO_MANY_LINES = "too-many-lines"
    BAD_CURRENCY = "bad-currency"
    BAD_AMOUNT = "bad-amount"
    NEGATIVE_AMOUNT = "negative-amount"
    CONFLICT = "conflict"
    PROCESSING = "processing"


class Refusal(NamedTuple):
    """Why an event is not acceptable; `detail` says what to correct and never repeats what was sent."""

    reason: Reason
    detail: str


class EventRefusedError(InputError):
    """An event is not acceptable; raised inside the checks, kept as a `Refusal`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An accepted event before it is hashed and sealed: still holds the sender's own names in clear."""

    kind: str
    name: str | None
    user_id: str | None
    anonymous_id: str | None
    message_id: str | None
    at: datetime | None
    body: bytes
    rest: bytes | None
    fingerprint: bytes


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One event at the door: `checked` is a draft, or why it is refused.

    `message_key` is set only when a quarantined event is tried again: it keeps the key it had.
    """

    raw: bytes
    source: str
    received_at: datetime
    checked: Draft | Refusal
    message_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How times are judged: `live` events by the programme clock, imported ones by the end of their file.

    `horizon` is the last instant an imported event may have (None: the programme clock plus 24 hours).
    `shift`: move times by (programme clock − system clock at receipt) for a tenant whose clock is kept by hand.
    """

    system_now: datetime
    horizon: datetime | None = None
    shift: bool = True


def live(system_now: datetime) -> Policy:
    """Return the policy for events that come in over HTTP."""
    return Policy(system_now=system_now)


def imported(system_now: datetime, until: datetime | None) -> Policy:
    """Return the policy for events of a file that ends at `until`."""
    return Policy(system_now=system_now, horizon=until, shift=False)


class Receipt(NamedTuple):
    """What became of the candidates; the three add up to their number."""

    appended: int
    repeats: int
    quarantined: int


class Event(msgspec.Struct, frozen=True, gc=False):
    """What happened, as consumers read it.

    `sender` stands for the userId if there is one, else for the anonymousId, and is `NOBODY` of what happens on a date.
    """

    seq: int
    kind: str
    sender: bytes
    at: datetime
    body: bytes


class LoggedEvent(Event, frozen=True, gc=False):
    """One whole row of the log."""

    message_key: bytes
    name: str | None
    anonymous: bytes | None
    received_at: datetime
    source: str
    sealed: bytes | None


class Quarantined(NamedTuple):
    """One refused event; `seq` and `consumer` are set when it is in the log and a consumer refused it."""

    id: UUID
    received_at: datetime
    source: str
    reason: str
    detail: str
    seq: int | None
    consumer: str | None
    state: str
    times: int


class OrderLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A line of an order; what is not known is None. An amount is never unit price × quantity."""

    product_id: str | None = None
    quantity: int | None = None
    total_minor: int | None = None
    discount_minor: int | None = None
    retail_discount_minor: int | None = None
    coupon_discount_minor: int | None = None
    coupon_match_discount_minor: int | None = None
    category: str | None = None
    brand: str | None = None
    name: str | None = None


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an event of kind `order`, normalised: amounts are minor units of `currency`."""

    order_id: str
    total_minor: int
    currency: str
    store_id: str | None = None
    products: Sequence[OrderLine] = ()


_ORDER = msgspec.json.Decoder(Order)


def read_order(body: bytes) -> Order:
    """Return the order that a log row of kind `order` holds."""
    return _ORDER.decode(body)
