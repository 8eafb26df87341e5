"""What a batch of events does: portraits, segments and points, for people whose consent allows it.

Called with an open transaction by the consumer and by replay, so both are one path. Consent is read in the same
transaction. A clock that is kept by hand and stands still moves to the time of the events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from keyuan import events, loyalty
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.events import LoggedEvent
from keyuan.flows import earn, understand
from keyuan.flows.contact import keep_contacts
from keyuan.flows.crowd import Crowd, Person
from keyuan.flows.group import group
from keyuan.kernel.clock import system_now, to_us
from keyuan.profiles import store as portraits
from keyuan.profiles.model import AnyFact


@dataclass(slots=True)
class _Read:
    """A batch, understood: what may be used of it, for which purpose."""

    facts: dict[UUID, list[AnyFact]] = field(default_factory=dict[UUID, list[AnyFact]])
    purchases: list[earn.Purchase] = field(default_factory=list[earn.Purchase])
    introductions: list[LoggedEvent] = field(default_factory=list[LoggedEvent])


def take_effect(session: Session, secrets: Secrets, batch: Sequence[LoggedEvent], crowd: Crowd) -> None:
    """Let a batch take effect, each person's events in the order of the log; the consumer's position is held.

    Raises:
        ConflictError: an order was awarded before with other content.
    """
    now = system_now()
    clock_us = to_us(events.clock_at(session, now))
    people = crowd.meet(session, [event.sender for event in batch])
    read = _read(batch, people, clock_us)
    moments = portraits.apply(session, read.facts, every=True, floor_us=clock_us, cache=crowd.states)
    group(session, moments, crowd.stays)
    if read.introductions:
        keep_contacts(session, secrets, read.introductions, {sender: person.id for sender, person in people.items()})
    _earn(session, read.purchases, crowd)
    events.move_clock(session, max([event.at for event in batch]), now)


def _read(batch: Sequence[LoggedEvent], people: Mapping[bytes, Person], clock_us: int) -> _Read:
    """Sort the batch by what may be done with it. An event is judged at its own time and as of its processing."""
    read = _Read()
    facts, purchases = read.facts, read.purchases
    for event in batch:
        person, at_us = people[event.sender], to_us(event.at)
        clock_us = max(clock_us, at_us)
        fact, purchase = understand.meanings(event, person.id)
        if fact is not None and person.allows(Purpose.PERSONALISATION, at_us, clock_us):
            facts.setdefault(person.id, []).append(fact)
        if purchase is not None and person.allows(Purpose.LOYALTY, at_us, clock_us):
            purchases.append(purchase)
        # How to reach somebody is kept when she agreed to anything at all, else there is nothing to reach her for.
        if event.kind == "identify" and any(person.allows(each, at_us, clock_us) for each in Purpose):
            read.introductions.append(event)
    return read


def _earn(session: Session, purchases: Sequence[earn.Purchase], crowd: Crowd) -> None:
    """Award purchases in every programme of the tenant; a conflict of an order's id is the event's fault."""
    for programme in loyalty.programmes(session):
        known = crowd.holders.setdefault(programme.id, {})
        for outcome in earn.earn(session, programme, purchases, known=known, memory=crowd.accounts):
            error = outcome.error()
            if error is not None:
                raise error
