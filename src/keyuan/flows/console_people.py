"""Customers as the console shows them: a list, a search by exact name or blind index, and one person's portrait.

Names are masked here, so that a page cannot show more; the other contact fields stay closed. Deliberately not here:
showing contact fields in clear, which takes a reason and a line in the audit trail.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from keyuan import consent, events, ledger, loyalty, segments
from keyuan.anchor import explorer as epochs
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.events import activity
from keyuan.events.model import Event, Order, read_order
from keyuan.flows.console_kept import Kept
from keyuan.kernel.clock import from_us
from keyuan.kernel.errors import MissingError
from keyuan.ledger import Line, explorer
from keyuan.ledger.explorer import LotMonth
from keyuan.profiles import contact, listing
from keyuan.profiles import reads as profiles
from keyuan.profiles.catalogue import NAMES, TRAITS
from keyuan.profiles.listing import ListedPerson
from keyuan.profiles.reads import Portrait
from keyuan.profiles.traits import Value

PAGE: Final = 25
HISTORY_MAX: Final = 1_000
_STATEMENT_MAX: Final = 1_000
_YEAR_WEEKS: Final = 52
_LATIN_END: Final = "\u024f"
_DECODE: Final = msgspec.json.Decoder(dict[str, Any])


class NoSuchPersonError(MissingError):
    """There is no such customer."""


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One line of the list."""

    person: UUID
    name: str | None
    made_up: bool
    traits: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class People:
    """One page of the list; `newer` and `older` are the places to go on from."""

    lines: Sequence[PersonLine]
    portraits: int
    customers: int
    newer: UUID | None
    older: UUID | None


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of a person's history: an order, or what else came; `points` are what it earned."""

    at: datetime
    kind: str
    order: Order | None
    about: Mapping[str, Any]
    points: int | None


@dataclass(frozen=True, slots=True)
class Consented:
    """What was decided about one purpose, and since when; None if nobody ever asked."""

    purpose: Purpose
    given: bool | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Points:
    """A member's points, and how many of her movements are final on the chain."""

    available: int
    held: int
    months: Sequence[LotMonth]
    movements: int
    anchored: int
    account: int | None


@dataclass(frozen=True, slots=True)
class PersonPage:
    """One person's portrait."""

    now: datetime
    person: UUID
    name: str | None
    made_up: bool
    portrait: Portrait | None
    shares: Mapping[str, float]
    weeks: Sequence[tuple[datetime, int]]
    happened: Sequence[Happened]
    events: int
    consents: Sequence[Consented]
    segments: Sequence[tuple[segments.Segment, datetime]]
    points: Points | None
    currency: str


def people(session: Session, secrets: Secrets, *, before: UUID | None = None, after: UUID | None = None) -> People:
    """Return a page of people with a portrait."""
    found = listing.listed(session, PAGE + 1, before=before, after=after)
    has_more = len(found) > PAGE
    shown = (found[1:] if after else found[:PAGE]) if has_more else found
    newer = shown[0].person if shown and (has_more if after else before) else None
    older = shown[-1].person if shown and (after or has_more) else None
    return People(
        _lines(session, secrets, shown), profiles.count(session), listing.count_everybody(session), newer, older
    )


def search(session: Session, secrets: Secrets, words: str) -> list[UUID]:
    """Return who has exactly this userId, or this e-mail or phone, as the blind index knows them."""
    text = words.strip()
    if not text:
        return []
    person = profiles.person_of(session, secrets.sender(session.tenant, "user", text))
    found = [] if person is None else [person]
    for field in contact.LOOKED_UP:
        found += contact.find_by(session, secrets, field, text)
    try:
        code = UUID(text)
    except ValueError:
        code = None
    if code is not None and listing.is_known(session, code):
        found.append(code)
    return list(dict.fromkeys(found))


def person(session: Session, secrets: Secrets, kept: Kept, who: UUID, system_now: datetime) -> PersonPage:
    """Return one person's portrait.

    Raises:
        NoSuchPersonError: nobody of this tenant.
    """
    if not listing.is_known(session, who):
        raise NoSuchPersonError
    now = events.clock_at(session, system_now)
    programmes = loyalty.programmes(session)
    senders = profiles.senders_of(session, who)
    history = activity.history(session, senders, HISTORY_MAX)
    portrait = profiles.portrait(session, who)
    name, made_up = _names(session, secrets, [who]).get(who, (None, False))
    holder = _holder(session, programmes, who)
    lines = [] if holder is None else ledger.statement(session, holder, limit=_STATEMENT_MAX)
    orders = {event.seq: read_order(event.body) for event in history if event.kind == "order"}
    return PersonPage(
        now=now,
        person=who,
        name=name,
        made_up=made_up,
        portrait=portrait,
        shares={} if portrait is None else _shares(spreads(session, kept), portrait),
        weeks=_weeks(history, orders, now),
        happened=_happened(history, orders, lines),
        events=len(history),
        consents=_consents(session, who),
        segments=_segments(session, who),
        points=None if holder is None else _points(session, holder, lines),
        currency=programmes[0].money_currency if programmes else "USD",
    )


def spreads(session: Session, kept: Kept) -> Mapping[str, Sequence[Any]]:
    """Return for each trait that is a number everybody's values in order, kept while the log stands still."""
    return kept.of(session, "spreads", None, lambda: _spreads([values for _, values in profiles.trait_rows(session)]))


def _spreads(everyone: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {
        trait.name: sorted(values[place] for values in everyone if values[place] is not None)
        for place, trait in enumerate(TRAITS)
        if trait.kind in {"int64", "decimal"}
    }


def masked(name: str) -> str:
    """Return a name that can be recognised by who knows it, and guessed by nobody: C*** Chen, 陈**."""
    words = name.split()
    if not words:
        return "***"
    if name[0] > _LATIN_END:
        return f"{name[0]}**"
    return f"{words[0][0]}*** {words[-1]}" if len(words) > 1 else f"{words[0][0]}***"


def _lines(session: Session, secrets: Secrets, shown: Sequence[ListedPerson]) -> list[PersonLine]:
    names = _names(session, secrets, [each.person for each in shown])
    return [
        PersonLine(each.person, *names.get(each.person, (None, False)), dict(zip(NAMES, each.values, strict=True)))
        for each in shown
    ]


def _names(session: Session, secrets: Secrets, who: Sequence[UUID]) -> dict[UUID, tuple[str, bool]]:
    found = contact.contact(session, secrets, who)
    named = {person: fields["name"] for person, fields in found.items() if "name" in fields}
    return {person: (masked(name.value), name.made_up) for person, name in named.items()}


def _holder(session: Session, programmes: Iterable[loyalty.Programme], who: UUID) -> int | None:
    for programme in programmes:
        holder = loyalty.holders(session, programme.id, [who]).get(who)
        if holder is not None:
            return holder
    return None


def _shares(spread: Mapping[str, Sequence[Any]], portrait: Portrait) -> dict[str, float]:
    """Return for each number among the traits the share of people who have less."""
    known = {trait.name: (value, spread.get(trait.name)) for trait, value in portrait.traits if value is not None}
    return {name: bisect_left(values, value) / len(values) for name, (value, values) in known.items() if values}


def _weeks(history: Sequence[Event], orders: Mapping[int, Order], now: datetime) -> list[tuple[datetime, int]]:
    """Return what was spent in each of the last weeks, the running one last; Monday 00:00 UTC begins a week."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=now.weekday())
    spent = {monday - timedelta(weeks=back): 0 for back in range(_YEAR_WEEKS, -1, -1)}
    for event in history:
        if event.seq in orders:
            day = event.at.replace(hour=0, minute=0, second=0, microsecond=0)
            week = day - timedelta(days=day.weekday())
            if week in spent:
                spent[week] += orders[event.seq].total_minor
    return list(spent.items())


def _happened(history: Sequence[Event], orders: Mapping[int, Order], lines: Sequence[Line]) -> list[Happened]:
    earned = {line.at: line.available for line in lines if line.base_minor is not None}
    return [
        Happened(
            event.at, event.kind, orders.get(event.seq),
            {} if event.seq in orders else _DECODE.decode(event.body),
            earned.get(event.at) if event.seq in orders else None,
        )
        for event in history
        if event.kind != "identify"
    ]  # fmt: skip


def _consents(session: Session, who: UUID) -> list[Consented]:
    timelines = consent.decisions_of(session, [who], Purpose)
    found: list[Consented] = []
    for purpose in Purpose:
        timeline = timelines.get((who, purpose))
        last = timeline[-1] if timeline else None
        found.append(Consented(purpose, last[1] if last else None, from_us(last[0]) if last else None))
    return found


def _segments(session: Session, who: UUID) -> list[tuple[segments.Segment, datetime]]:
    since = segments.current(session, [who])[who]
    return [(each, from_us(since[each.name])) for each in segments.segments(session) if each.name in since]


def _points(session: Session, holder: int, lines: Sequence[Line]) -> Points:
    balances = ledger.balances(session, [holder])
    last = epochs.anchored_entry(session)
    books = ledger.books_of(session, holder)
    return Points(
        sum(each.available for each in balances),
        sum(each.held for each in balances),
        explorer.lot_months(session, holder),
        len(lines),
        sum(line.seq <= last for line in lines),
        books[0].account if books else None,
    )
