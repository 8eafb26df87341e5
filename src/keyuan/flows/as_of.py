"""Who had which traits, and was in which segment, as of any instant: from the log, by SQL, set-based.

The second way to the same answers: the live path folds events one by one and asks compiled rules; this one gathers
the whole log and asks DuckDB and PostgreSQL. A check compares the two; campaigns use it for instants in the past.
Consent counts as of now: what was withdrawn since is left out.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime

from keyuan import consent, events, segments
from keyuan.consent import Purpose
from keyuan.engines.analytics import Analytics
from keyuan.engines.database import Session
from keyuan.events.model import CALENDAR
from keyuan.flows import understand
from keyuan.flows.group import COLUMNS, board
from keyuan.kernel.clock import to_us
from keyuan.profiles import store as portraits
from keyuan.profiles.batch import batch_traits, gather
from keyuan.profiles.model import AnyFact
from keyuan.profiles.traits import Values
from keyuan.segments.rules import Table
from keyuan.segments.rules.evaluate import evaluate_all

_BATCH = 5_000

Membership = dict[str, set[uuid.UUID]]


def traits_as_of(session: Session, as_of: datetime, now: datetime) -> dict[uuid.UUID, Values]:
    """Return the trait record of everybody who may be personalised and had done something before `as_of`."""
    with Analytics() as analytics:
        return batch_traits(analytics, gather(_facts(session, to_us(as_of), to_us(now))), as_of)


def membership_as_of(session: Session, traits: Mapping[uuid.UUID, Values], engine: str = "postgres") -> Membership:
    """Return the people of each segment, by the rules' SQL on an engine."""
    rules = board(session).rules
    people = list(traits)
    table = Table(columns=COLUMNS, rows=[traits[person] for person in people])
    answers = evaluate_all(list(rules.values()), table, engine, session)
    return {
        name: {person for person, holds in zip(people, answer, strict=True) if holds is True}
        for name, answer in zip(rules, answers, strict=True)
    }


def stored_membership(session: Session, at: datetime) -> Membership:
    """Return the people of each segment as the live path kept them."""
    return {segment.name: set(segments.members(session, segment.name, at)) for segment in segments.segments(session)}


def _facts(session: Session, until_us: int, now_us: int) -> Iterator[tuple[uuid.UUID, AnyFact]]:
    """Yield every fact of the log before an instant that may be used."""
    seq = 0
    while batch := events.follow(session, seq, _BATCH):
        seq = batch[-1].seq
        batch = [event for event in batch if event.kind != CALENDAR]
        people = portraits.resolve(session, {event.sender for event in batch})
        timelines = consent.decisions_of(session, set(people.values()), [Purpose.PERSONALISATION])
        for event in batch:
            person = people[event.sender]
            timeline = timelines.get((person, Purpose.PERSONALISATION), ())
            at_us = to_us(event.at)
            if at_us < until_us and consent.allows(timeline, at_us, now_us):
                fact = understand.fact(event, at_us)
                if fact is not None:
                    yield person, fact
