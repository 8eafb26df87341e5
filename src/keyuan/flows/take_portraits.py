"""What a batch of events does to portraits and segments, for people whose consent allows it.

Called with an open transaction by the consumer and by replay, so both are one path. Consent is read in the same
transaction, or known to be as it was read before (`Crowd`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from keyuan import events
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.engines.secrets import Secrets
from keyuan.events import Event
from keyuan.events.model import CALENDAR
from keyuan.flows import understand
from keyuan.flows.contact import keep_contacts
from keyuan.flows.crowd import Crowd, Person
from keyuan.flows.group import board, recall, regroup
from keyuan.kernel.clock import all_us
from keyuan.profiles import store as portraits
from keyuan.profiles.model import AnyFact


@dataclass(slots=True)
class _Read:
    """A batch, understood: what may be used of it."""

    facts: dict[UUID, list[AnyFact]] = field(default_factory=dict[UUID, list[AnyFact]])
    introductions: list[tuple[Event, Person]] = field(default_factory=list[tuple[Event, Person]])


def take_portraits(session: Session, secrets: Secrets, batch: Sequence[Event], crowd: Crowd, now_us: int) -> None:
    """Fold a batch into portraits and regroup people, each person's events in the order of the log.

    Everything is read first, and written `later` while the rest is computed.
    """
    batch = [event for event in batch if event.kind != CALENDAR]  # of nobody
    people = crowd.meet(session, [event.sender for event in batch], new=True)
    read = _read(batch, people, now_us)
    if read.introductions:
        told = events.read_seqs(session, [event.seq for event, _ in read.introductions])
        keep_contacts(session, secrets, told, {event.sender: person.id for event, person in read.introductions})
    rules = board(session)
    recall(session, crowd.stays, read.facts)
    moments = portraits.apply(session, read.facts, every=True, floor_us=now_us, cache=crowd.states)
    regroup(session, rules, moments, crowd.stays)


def _read(batch: Sequence[Event], people: Sequence[Person | None], now_us: int) -> _Read:
    """Sort the batch by what may be done with it. An event is judged at its own time and as of its processing."""
    read = _Read()
    facts = read.facts
    instants_us = all_us([event.at for event in batch])
    for event, person, at_us in zip(batch, people, instants_us, strict=True):
        if person is None:
            continue
        now_us = max(now_us, at_us)
        if person.allows(Purpose.PERSONALISATION, at_us, now_us):
            fact = understand.fact(event, at_us)
            if fact is not None:
                known = facts.get(person.id)
                if known is None:
                    facts[person.id] = [fact]
                else:
                    known.append(fact)
        # How to reach somebody is kept when she agreed to anything at all, else there is nothing to reach her for.
        if event.kind == "identify" and any(person.allows(each, at_us, now_us) for each in Purpose):
            read.introductions.append((event, person))
    return read
