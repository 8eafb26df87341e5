"""Campaigns: an offer to a segment as an experiment, and the messages that tell of it. Values and their checks, pure.

Not here: who is in which arm (`experiments`), what an offer is worth (`promotions`), the money (`ledger`), and how a
message reaches somebody (flows and the mail engine).
Units: `holdout` is a share 0–1; `_minor` are whole minor units of `currency`; instants are aware UTC datetimes of the
programme clock; a span holds its beginning and not its end.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from keyuan.kernel.errors import ConflictError, InputError, MissingError, RefusedError

LEASE: Final = timedelta(minutes=2)
"""How long a message is its sender's; after that, one that was not marked is to be sent again."""
BUDGET_MAX: Final = 10**13
FACTOR_MAX: Final = 10
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_TITLE_MAX, _SALT_MAX = 200, 100


class State(StrEnum):
    """How far a campaign is; it goes forward only."""

    DRAFT = "draft"
    LAUNCHED = "launched"
    ENDED = "ended"


class Channel(StrEnum):
    """By which way a message reaches somebody."""

    EMAIL = "email"
    INBOX = "inbox"


class MessageState(StrEnum):
    """How far a message is: `withheld` is one that may not be sent any more."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    WITHHELD = "withheld"


class Fault(StrEnum):
    """What is wrong with a field of a draft; pages have words for each."""

    NO_NAME = "no_name"
    NO_TITLE = "no_title"
    NO_SALT = "no_salt"
    NO_SHARE = "no_share"
    ENDS_BEFORE_IT_BEGINS = "ends_before_it_begins"
    REACHES_INTO_THE_WINDOW = "reaches_into_the_window"
    NO_AMOUNT = "no_amount"
    NO_CURRENCY = "no_currency"
    NO_FACTOR = "no_factor"
    UNKNOWN = "unknown"
    TAKEN = "taken"


class CampaignFaultError(InputError):
    """A campaign cannot be kept as it is described; `faults` says what is wrong with which field."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        super().__init__(**{name: fault.value for name, fault in faults.items()})
        self.faults = dict(faults)


class UnknownCampaignError(MissingError):
    """There is no such campaign."""


class NoDraftError(ConflictError):
    """This campaign was launched, and what was launched is not changed any more; make a new one."""


class NotRunningError(RefusedError):
    """This campaign is not running: it is still a draft, or it has ended."""


class Span(NamedTuple):
    """A stretch of time, from its beginning up to but not including its end."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign. `number` stands for it in the ledger, and is 0 until it is kept.

    `window` is when it counts what people do, `before` the time whose figures narrow the interval. `points_factor` is
    what the message promises; which rule pays it stands in the programme's terms. `nobody_treated` says that it runs
    over a time that has passed, so that nobody can have been moved by it.
    """

    name: str
    title_en: str
    title_zh: str
    segment: str
    offer: str
    holdout: float
    salt: str
    window: Span
    before: Span
    budget_minor: int
    currency: str
    brand: str
    points_factor: int = 1
    language: str = "en"
    nobody_treated: bool = False
    number: int = 0
    state: State = State.DRAFT


class Launch(NamedTuple):
    """What a launch came to: everybody is in an arm; `left_out` are members whose name could not be read.

    `at` is the instant of which the membership is; `emails` and `inboxes` are messages that were made.
    """

    at: datetime
    people: int
    treated: int
    held_out: int
    left_out: int
    emails: int
    inboxes: int
    reserved_minor: int


class Message(NamedTuple):
    """One message to one person; `sent_at` is when it reached her inbox or was taken by her mail server.

    `due_at` alone is real time: who sends does not wait for a clock that stands still.
    """

    id: UUID
    campaign: str
    person: UUID
    channel: Channel
    state: MessageState
    reason: str | None
    made_at: datetime
    due_at: datetime
    sent_at: datetime | None
    attempts: int
    read_at: datetime | None


def faults(campaign: Campaign) -> dict[str, Fault]:
    """Return what is wrong with a draft, by field; nothing is wrong with one that can be kept."""
    return {field: fault for field, fault, holds in _RULES if not holds(campaign)}


def check(campaign: Campaign) -> None:
    """Raise unless a draft can be kept.

    Raises:
        CampaignFaultError: with everything that is wrong, at once.
    """
    wrong = faults(campaign)
    if wrong:
        raise CampaignFaultError(wrong)


def _in_utc(span: Span) -> bool:
    return all(at.utcoffset() == UTC.utcoffset(None) for at in span)


def _titled(title: str) -> bool:
    return bool(title.strip()) and len(title) <= _TITLE_MAX


_RULES: tuple[tuple[str, Fault, Callable[[Campaign], bool]], ...] = (
    ("name", Fault.NO_NAME, lambda it: _NAME.fullmatch(it.name) is not None),
    ("title_en", Fault.NO_TITLE, lambda it: _titled(it.title_en)),
    ("title_zh", Fault.NO_TITLE, lambda it: _titled(it.title_zh)),
    ("holdout", Fault.NO_SHARE, lambda it: 0 < it.holdout < 1),
    ("salt", Fault.NO_SALT, lambda it: 0 < len(it.salt) <= _SALT_MAX),
    ("window", Fault.ENDS_BEFORE_IT_BEGINS, lambda it: _in_utc(it.window) and it.window.since < it.window.until),
    ("before", Fault.REACHES_INTO_THE_WINDOW, lambda it: it.before.until <= it.window.since),
    ("before", Fault.ENDS_BEFORE_IT_BEGINS, lambda it: _in_utc(it.before) and it.before.since < it.before.until),
    ("budget_minor", Fault.NO_AMOUNT, lambda it: 0 <= it.budget_minor <= BUDGET_MAX),
    ("currency", Fault.NO_CURRENCY, lambda it: _CURRENCY.fullmatch(it.currency) is not None),
    ("brand", Fault.UNKNOWN, lambda it: bool(it.brand)),
    ("points_factor", Fault.NO_FACTOR, lambda it: 1 <= it.points_factor <= FACTOR_MAX),
    ("language", Fault.UNKNOWN, lambda it: it.language in ("en", "zh")),
)
