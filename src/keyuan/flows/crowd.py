"""What a consumer keeps of people between its batches, so that a batch asks only for those it does not know.

All of it is read again when the consumer was not the last to read the log, after every rollback (`drop`), and for
people of whom something was written past the consumer (`events.notice`): so nothing here is older than the batch.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from keyuan import consent, ledger
from keyuan.consent import Purpose, Timeline
from keyuan.engines.database import Session
from keyuan.flows.earn import Holders
from keyuan.flows.group import Stays
from keyuan.profiles import store as portraits
from keyuan.profiles.store import Cache

PEOPLE_MAX: Final = 50_000


@dataclass(eq=False, slots=True)
class Person:
    """Who stands behind a sender, and what she has decided."""

    id: uuid.UUID
    decisions: Mapping[Purpose, Timeline]
    since: Mapping[Purpose, int] = field(init=False)
    """What she gave once and never took back, and from which instant on: so it is with nearly everybody."""

    def __post_init__(self) -> None:
        once = {purpose: timeline[0] for purpose, timeline in self.decisions.items() if len(timeline) == 1}
        self.since = {purpose: at_us for purpose, (at_us, given) in once.items() if given}

    def allows(self, purpose: Purpose, at_us: int, now_us: int) -> bool:
        """Tell whether what happened at an instant, which is not after now, may be used for a purpose now."""
        since_us = self.since.get(purpose)
        if since_us is not None:
            return since_us <= at_us
        timeline = self.decisions.get(purpose)
        return timeline is not None and consent.allows(timeline, at_us, now_us)


@dataclass(slots=True)
class Crowd:
    """Everybody a consumer knows. `reader` is the consumer's own name, new in each process."""

    reader: uuid.UUID = field(default_factory=uuid.uuid4)
    senders: dict[bytes, Person] = field(default_factory=dict[bytes, Person])
    stays: Stays = field(default_factory=Stays)
    holders: dict[str, Holders] = field(default_factory=dict[str, Holders])
    states: Cache = field(default_factory=Cache)
    accounts: ledger.Memory = field(default_factory=ledger.Memory)

    def meet(self, session: Session, senders: Sequence[bytes], *, new: bool = False) -> list[Person | None]:
        """Return the person behind each sender, asking for those who are not known yet.

        A sender never seen before becomes a new person if `new`; else nobody stands there.
        """
        known = self.senders
        met = list(map(known.get, senders))
        missing = {sender for sender, person in zip(senders, met, strict=True) if person is None} if None in met else ()
        if missing:
            people = (portraits.resolve if new else portraits.known)(session, missing)
            timelines: dict[uuid.UUID, dict[Purpose, Timeline]] = {}
            for (person, purpose), timeline in consent.decisions_of(session, set(people.values()), Purpose).items():
                timelines.setdefault(person, {})[purpose] = timeline
            for sender, person in people.items():
                known[sender] = Person(person, timelines.get(person, {}))
            return list(map(known.get, senders))
        return met

    def forget(self, people: set[uuid.UUID]) -> None:
        """Let go of people of whom something else has become true."""
        if not people:
            return
        self.states.forget(people)
        for sender in [sender for sender, person in self.senders.items() if person.id in people]:
            del self.senders[sender]
        for known in (self.stays, *self.holders.values()):
            for person in people & known.keys():
                del known[person]

    def trim(self) -> None:
        """Begin anew when there are too many; called between batches."""
        if len(self.senders) > PEOPLE_MAX:
            self.drop()

    def drop(self) -> None:
        """Let go of everything."""
        self.senders.clear()
        self.stays.clear()
        self.holders.clear()
        self.states.drop()
        self.accounts = ledger.Memory()
