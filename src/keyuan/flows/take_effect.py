"""What a batch of events does: portraits, segments and points, for people whose consent allows it.

Called with an open transaction by the consumer and by replay, so both are one path. Consent is read in the same
transaction. A clock that is kept by hand and stands still moves to the time of the events.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keyuan import consent, events, loyalty
from keyuan.consent import Purpose, Timeline
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.events import LoggedEvent
from keyuan.flows import earn, understand
from keyuan.flows.contact import keep_contacts
from keyuan.flows.group import group
from keyuan.kernel.clock import system_now, to_us
from keyuan.profiles import store as portraits
from keyuan.profiles.model import AnyFact
from keyuan.profiles.store import Cache

Timelines = Mapping[tuple[uuid.UUID, Purpose], Timeline]


@dataclass(slots=True)
class Effects:
    """What a consumer keeps between its batches; dropped after every rollback."""

    cache: Cache = field(default_factory=Cache)

    def drop(self) -> None:
        """Let go of everything."""
        self.cache.drop()


@dataclass(slots=True)
class _Read:
    """A batch, understood: what may be used of it, for which purpose."""

    facts: dict[uuid.UUID, list[AnyFact]] = field(default_factory=dict[uuid.UUID, list[AnyFact]])
    purchases: list[earn.Purchase] = field(default_factory=list[earn.Purchase])
    introductions: list[LoggedEvent] = field(default_factory=list[LoggedEvent])


def take_effect(session: Session, secrets: Secrets, batch: Sequence[LoggedEvent], effects: Effects) -> None:
    """Let a batch take effect, each person's events in the order of the log.

    Raises:
        ConflictError: an order was awarded before with other content.
    """
    now = system_now()
    clock_us = to_us(events.clock_at(session, now))
    people = portraits.resolve(session, {event.sender for event in batch})
    timelines = consent.decisions_of(session, set(people.values()), Purpose)
    read = _read(batch, people, timelines, clock_us)
    moments = portraits.apply(session, read.facts, every=True, floor_us=clock_us, cache=effects.cache)
    group(session, moments)
    keep_contacts(session, secrets, read.introductions, people)
    _earn(session, read.purchases)
    events.move_clock(session, max(event.at for event in batch), now)


def _read(
    batch: Sequence[LoggedEvent], people: Mapping[bytes, uuid.UUID], timelines: Timelines, clock_us: int
) -> _Read:
    """Sort the batch by what may be done with it. An event is judged at its own time and as of its processing."""
    read = _Read()
    for event in batch:
        person, at_us = people[event.sender], to_us(event.at)
        clock_us = max(clock_us, at_us)
        fact, purchase = understand.meanings(event, person)
        if fact is not None and _may(timelines, person, Purpose.PERSONALISATION, at_us, clock_us):
            read.facts.setdefault(person, []).append(fact)
        if purchase is not None and _may(timelines, person, Purpose.LOYALTY, at_us, clock_us):
            read.purchases.append(purchase)
        # How to reach somebody is kept when she agreed to anything at all, else there is nothing to reach her for.
        if event.kind == "identify" and any(_may(timelines, person, each, at_us, clock_us) for each in Purpose):
            read.introductions.append(event)
    return read


def _may(timelines: Timelines, person: uuid.UUID, purpose: Purpose, at_us: int, now_us: int) -> bool:
    return consent.allows(timelines.get((person, purpose), ()), at_us, now_us)


def _earn(session: Session, purchases: Sequence[earn.Purchase]) -> None:
    """Award purchases in every programme of the tenant; a conflict of an order's id is the event's fault."""
    for programme in loyalty.programmes(session):
        for outcome in earn.earn(session, programme, purchases):
            error = outcome.error()
            if error is not None:
                raise error
