"""What a customer reads on her own pages: points and where they came from, and what she agreed to.

One function for each page, called with an open transaction. Deliberately not here: proofs (`wallet_proofs`), links
(`wallet_links`), words and formats (`web`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from keyuan import consent, events, ledger, loyalty
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.database import Session
from keyuan.flows.record_consent import record_consent
from keyuan.kernel.clock import from_us, system_now, to_us
from keyuan.ledger import Balance, Expiring, Line, MonthSums
from keyuan.loyalty import Programme, order_subject
from keyuan.profiles.reads import senders_of

SOON: Final = timedelta(days=60)
LATEST: Final = 5
_NO_POINTS: Final = 0


@dataclass(frozen=True, slots=True)
class Purse:
    """What a person has in one programme; `holder` is None before she joined."""

    programme: Programme
    holder: int | None
    balance: Balance | None

    @property
    def available(self) -> int:
        """Points that can be used."""
        return self.balance.available if self.balance else _NO_POINTS

    @property
    def held(self) -> int:
        """Points that are set aside."""
        return self.balance.held if self.balance else _NO_POINTS


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry, and the store where its order was placed, if the log still says so.

    `voucher`: what was redeemed because it was due on a date.
    """

    line: Line
    store: str | None
    voucher: bool


@dataclass(frozen=True, slots=True)
class Home:
    """The first page: every programme's points, the newest movements, what ends soon, months newest first."""

    purses: Sequence[Purse]
    latest: Sequence[Movement]
    ending: Sequence[Expiring]
    months: Sequence[MonthSums]


@dataclass(frozen=True, slots=True)
class Activity:
    """One month of movements in one programme; `months` are all that there are, newest first."""

    purse: Purse | None
    months: Sequence[MonthSums]
    month: MonthSums | None
    movements: Sequence[Movement]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Where a purpose stands: given or not, and since when (None: never decided)."""

    purpose: Purpose
    given: bool
    since: datetime | None


def home(session: Session, person: UUID) -> Home:
    """Return what the first page says."""
    now = events.clock_at(session, system_now())
    purses = purses_of(session, person)
    first = first_of(purses)
    if first is None or first.holder is None:
        return Home(purses, [], [], [])
    lines = ledger.statement(session, first.holder, limit=LATEST)
    months = ledger.months_of(session, first.holder, first.programme.brand, first.programme.currency)
    ending = ledger.lots_of(session, first.holder, now, now + SOON)
    return Home(purses, _told(session, person, first.programme, lines), ending, months)


def activity(session: Session, person: UUID, wanted: tuple[int, int] | None) -> Activity:
    """Return one month of a person's movements, the newest one unless (year, month) is one that has some."""
    purse = first_of(purses_of(session, person))
    if purse is None or purse.holder is None:
        return Activity(purse, [], None, [])
    months = ledger.months_of(session, purse.holder, purse.programme.brand, purse.programme.currency)
    found = [each for each in months if wanted in (None, (each.first.year, each.first.month))]
    if not months:
        return Activity(purse, [], None, [])
    month = (found or months)[0]
    lines = ledger.statement(
        session, purse.holder, since=month.first, until=_next_month(month.first), limit=ledger.LIMIT_MAX
    )
    return Activity(purse, months, month, _told(session, person, purse.programme, lines))


def purses_of(session: Session, person: UUID) -> list[Purse]:
    """Return what a person has in each programme."""
    found: list[Purse] = []
    for programme in loyalty.programmes(session):
        holder = loyalty.holders(session, programme.id, [person]).get(person)
        balances = [] if holder is None else ledger.balances(session, [holder])
        own = [each for each in balances if (each.brand, each.currency) == (programme.brand, programme.currency)]
        found.append(Purse(programme, holder, own[0] if own else None))
    return found


def agreements(session: Session, person: UUID) -> list[Agreement]:
    """Return where each purpose stands now."""
    now_us = to_us(events.clock_at(session, system_now()))
    timelines = consent.decisions_of(session, [person], Purpose)
    return [_stands(purpose, timelines.get((person, purpose), ()), now_us) for purpose in Purpose]


def decide(session: Session, person: UUID, purpose: Purpose, decision: Decision, evidence: str) -> int:
    """Record what a person decided on her page, in force from now on; return 0 if it stands so already.

    The consumers are told in the same transaction: no event that they take in afterwards counts the old answer. The
    evidence gets the real time: on a clock that stands still, who changes her mind twice is heard twice.
    """
    received = system_now()
    now_us = to_us(events.clock_at(session, received))
    timeline = consent.decisions_of(session, [person], [purpose]).get((person, purpose), ())
    if _stands(purpose, timeline, now_us).given is (decision is Decision.GIVEN):
        return 0
    evidence = f"{evidence}, {received.isoformat()}"
    said = Record(person=person, purpose=purpose, decision=decision, effective_at_us=now_us, evidence=evidence)
    return record_consent(session, [said])


def first_of(purses: Sequence[Purse]) -> Purse | None:
    """Return the programme that a page is about: one with points, else one that she joined, else the first."""
    ranked = sorted(purses, key=lambda each: (each.balance is None, each.holder is None))
    return ranked[0] if ranked else None


def brand_of(session: Session, person: UUID) -> str | None:
    """Return the name that stands over pages that are about no programme in particular; None if there is none."""
    purse = first_of(purses_of(session, person))
    return purse.programme.name if purse else None


def _told(session: Session, person: UUID, programme: Programme, lines: Sequence[Line]) -> list[Movement]:
    """Say where the orders behind some awards were placed: the log is asked for her orders of these instants."""
    instants = [line.at for line in lines if line.reference is not None and line.base_minor is not None]
    stores: Mapping[bytes, str | None] = {}
    if instants:
        orders = events.orders_at(session, senders_of(session, person), instants)
        stores = {hashlib.sha256(order_subject(order.order_id)).digest(): order.store_id for order in orders}
    return [
        Movement(line, None if line.reference is None else stores.get(line.reference), _was_due(programme, line))
        for line in lines
    ]


def _was_due(programme: Programme, line: Line) -> bool:
    due = loyalty.due_reference(programme.id, "redeem", to_us(line.at))
    return line.kind is ledger.Kind.REDEEM and line.reference == due


def _stands(purpose: Purpose, timeline: consent.Timeline, now_us: int) -> Agreement:
    known = [(at_us, given) for at_us, given in timeline if at_us <= now_us]
    return Agreement(purpose, known[-1][1], from_us(known[-1][0])) if known else Agreement(purpose, False, None)


def _next_month(first: datetime) -> datetime:
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
