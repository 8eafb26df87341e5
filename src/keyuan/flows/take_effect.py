"""What a batch of events does: portraits, segments and points, for people whose consent allows it.

Called with an open transaction by the consumer and by replay, so both are one path. Consent is read in the same
transaction. A clock that is kept by hand and stands still moves to the time of the events.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from keyuan import events, ledger, loyalty
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.events import LoggedEvent
from keyuan.flows import understand
from keyuan.flows.contact import keep_contacts
from keyuan.flows.crowd import Crowd, Person
from keyuan.flows.earn import Earning, Purchase
from keyuan.flows.group import board, recall, regroup
from keyuan.kernel.clock import system_now, to_us
from keyuan.profiles import store as portraits
from keyuan.profiles.model import AnyFact


@dataclass(slots=True)
class _Read:
    """A batch, understood: what may be used of it, for which purpose."""

    facts: dict[UUID, list[AnyFact]] = field(default_factory=dict[UUID, list[AnyFact]])
    purchases: list[Purchase] = field(default_factory=list[Purchase])
    introductions: list[LoggedEvent] = field(default_factory=list[LoggedEvent])


def take_effect(session: Session, secrets: Secrets, batch: Sequence[LoggedEvent], crowd: Crowd) -> None:
    """Let a batch take effect, each person's events in the order of the log; the consumer's position is held.

    Everything is read first, and written `later` while the rest is computed.

    Raises:
        ConflictError: an order was awarded before with other content.
    """
    now = system_now()
    clock_us = to_us(events.clock_at(session, now))
    events.move_clock(session, max([event.at for event in batch]), now)
    people = crowd.meet(session, [event.sender for event in batch])
    read = _read(batch, people, clock_us)
    if read.introductions:
        keep_contacts(session, secrets, read.introductions, {sender: person.id for sender, person in people.items()})
    earnings = _begin_earning(session, read.purchases, crowd)
    rules = board(session)
    recall(session, crowd.stays, read.facts)
    moments = portraits.apply(session, read.facts, every=True, floor_us=clock_us, cache=crowd.states)
    regroup(session, rules, moments, crowd.stays)
    for earning in earnings:
        _check(earning.award())


def _read(batch: Sequence[LoggedEvent], people: Mapping[bytes, Person], clock_us: int) -> _Read:
    """Sort the batch by what may be done with it. An event is judged at its own time and as of its processing."""
    read = _Read()
    facts, purchases = read.facts, read.purchases
    for event in batch:
        person, at_us = people[event.sender], to_us(event.at)
        clock_us = max(clock_us, at_us)
        fact, purchase = understand.meanings(event, person.id, at_us)
        if fact is not None and person.allows(Purpose.PERSONALISATION, at_us, clock_us):
            facts.setdefault(person.id, []).append(fact)
        if purchase is not None and person.allows(Purpose.LOYALTY, at_us, clock_us):
            purchases.append(purchase)
        # How to reach somebody is kept when she agreed to anything at all, else there is nothing to reach her for.
        if event.kind == "identify" and any(person.allows(each, at_us, clock_us) for each in Purpose):
            read.introductions.append(event)
    return read


def _begin_earning(session: Session, purchases: Sequence[Purchase], crowd: Crowd) -> list[Earning]:
    """Read what is needed to award purchases in every programme of the tenant; the books are locked from here on."""
    programmes = loyalty.programmes(session) if purchases else []
    if not programmes:
        return []
    books = ledger.OpenBooks(session, crowd.accounts)
    return [
        Earning(books, programme, purchases, crowd.holders.setdefault(programme.id, {})) for programme in programmes
    ]


def _check(outcomes: Iterable[ledger.Outcome]) -> None:
    """A conflict of an order's id is the event's fault."""
    for outcome in outcomes:
        if not outcome.posted and (error := outcome.error()) is not None:
            raise error
