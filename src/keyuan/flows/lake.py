"""The lake consumer: the log and the ledger become tables that analytics read, without a person in them.

Its only positions are those in the tables, moved by the append of what was read; it goes on from there. Its row among
the log's readers holds no position: it is the letter box for notices, and keeps a second writer waiting.
Who agreed to personalisation is a number that only our key makes of her; the orders of others count without one. A
later withdrawal takes the number out of her rows, in old versions too. A sender who was forgotten is left out.
A consent that ends in the future counts as ended, so nothing here depends on the clock.
Deliberately not here: what the tables are asked (`insight`).
Units: positions are numbers of the log and of ledger entries.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from keyuan import events, ledger
from keyuan.engines.database import Database, Session
from keyuan.engines.lake import Lake, LakeMovedError, Span, Step
from keyuan.engines.secrets import Secrets, keyed_hasher
from keyuan.events import Event
from keyuan.flows.lake_people import customer_numbers, followed_timelines, may_follow, withdrawn
from keyuan.flows.lake_rows import Rows
from keyuan.insight.tables import EVENTS, KINDS, ORDER, POINTS
from keyuan.kernel.clock import to_us
from keyuan.kernel.errors import CorruptionError
from keyuan.ledger.days import points_by_day
from keyuan.profiles import store as portraits

LAKE: Final = "lake"
EVENTS_MAX: Final = 10_000
"""Events in one append."""
ENTRIES_MAX: Final = 500_000
"""Entries that one append adds up."""
EVERY_S: Final = 2.0
"""How often the writer looks; each look makes at most one append a table, unless there is more than fits."""


class LakeAheadError(CorruptionError):
    """The lake is ahead of this database, so it belongs to another one; delete its folder, and it is filled again."""


@dataclass(slots=True)
class LakeWriter:
    """Fills one tenant's tables; `step` is cheap when there is nothing to do."""

    database: Database
    secrets: Secrets
    lake: Lake
    tenant: int
    every_s: float = EVERY_S
    _is_known: bool = field(default=False, init=False)
    _positions: dict[str, int] | None = field(default=None, init=False)
    _look_s: float = field(default=0.0, init=False)

    def step(self, *, at_once: bool = False) -> int:
        """Write what is new, at most one append a table, and return how many events and entries that took.

        Between looks it does nothing and returns 0, unless `at_once`.

        Raises:
            LakeAheadError: the tables are not those of this database.
        """
        if not at_once and time.monotonic() < self._look_s:
            return 0
        try:
            taken = self._step()
        except LakeMovedError:  # by another writer, since we looked
            self._positions = None
            taken = self._step()
        except BaseException:
            self._positions = None
            raise
        is_full = taken >= EVENTS_MAX
        self._look_s = 0.0 if is_full else time.monotonic() + self.every_s
        return taken

    def catch_up(self) -> int:
        """Write all there is, and return how many events and entries that took."""
        total = 0
        while taken := self.step(at_once=True):
            total += taken
        return total

    def erase(self, senders: Collection[bytes]) -> int:
        """Take everything that came from senders out of the lake; return how many rows that were."""
        self._make_known()
        with self.database.transaction(self.tenant) as session:
            events.claim(session, LAKE)
            return self.lake.delete(self.tenant, EVENTS, "seq", events.seqs_of(session, senders))

    def _step(self) -> int:
        self._make_known()
        with self.database.transaction(self.tenant) as session:
            events.claim(session, LAKE)
            if self._positions is None:
                self._positions = self._found(session)
            self._unlink(session)
            return self._take_events(session, self._positions) + self._take_points(session, self._positions)

    def _make_known(self) -> None:
        """Make sure that notices reach us, in a transaction before any consent is read."""
        if not self._is_known:
            with self.database.transaction(self.tenant) as session:
                events.claim(session, LAKE)
            self._is_known = True

    def _found(self, session: Session) -> dict[str, int]:
        """See where the tables are; the caller holds our place."""
        positions = {shape.name: self.lake.position(self.tenant, shape) for shape in (EVENTS, POINTS)}
        last = {EVENTS.name: events.last_seq(session), POINTS.name: ledger.last_entry(session)}
        for name, position in positions.items():
            if position > last[name]:
                raise LakeAheadError(table=name, position=position, last=last[name])
        return positions

    def _take_events(self, session: Session, positions: dict[str, int]) -> int:
        batch = events.follow(session, positions[EVENTS.name], EVENTS_MAX)
        if batch:
            step = Step(positions[EVENTS.name], batch[-1].seq)
            used = _not_forgotten(session, [event for event in batch if event.kind in KINDS])
            self.lake.append(self.tenant, EVENTS, self._rows(session, used).columns, step)
            positions[EVENTS.name] = step.upto
        return len(batch)

    def _rows(self, session: Session, batch: Sequence[Event]) -> Rows:
        people = portraits.known(session, {event.sender for event in batch})
        timelines = followed_timelines(session, people.values())
        numbers = customer_numbers(self.secrets, self.tenant, people.values())
        rows = Rows(keyed_hasher(self.secrets.sender_hash, self.tenant, "lake-order"))
        for event in batch:
            person = people.get(event.sender)
            timeline = None if person is None else timelines.get(person)
            at_us = to_us(event.at)
            if person is not None and timeline and may_follow(timeline, at_us):
                rows.add(event, at_us, numbers[person])
            elif event.kind == ORDER:
                rows.add(event, at_us, None)
        return rows

    def _take_points(self, session: Session, positions: dict[str, int]) -> int:
        after = positions[POINTS.name]
        upto = min(ledger.last_entry(session), after + ENTRIES_MAX)
        if upto > after:
            days = points_by_day(session, after, upto)
            columns = {name: [day[place] for day in days] for place, name in enumerate(POINTS.columns)}
            self.lake.append(self.tenant, POINTS, columns, Step(after, upto))
            positions[POINTS.name] = upto
        return upto - after

    def _unlink(self, session: Session) -> None:
        """Take the numbers of those who withdrew out of the rows that they allow no more.

        A notice is taken down with this transaction: after a failure it is there again, and doing it twice is no harm.
        """
        people = events.take_notices(session, LAKE)
        numbers = customer_numbers(self.secrets, self.tenant, people)
        timelines = followed_timelines(session, people)
        spans = [Span(numbers[person], *span) for person in people for span in withdrawn(timelines.get(person, ()))]
        if spans:
            self.lake.unlink(self.tenant, EVENTS, "customer", spans)


def _not_forgotten(session: Session, batch: Sequence[Event]) -> Sequence[Event]:
    """Leave out what came in before its sender was forgotten."""
    gone = events.forgotten(session, {event.sender for event in batch})
    if not gone:
        return batch
    doubtful = events.read_seqs(session, [event.seq for event in batch if event.sender in gone])
    out = {event.seq for event in doubtful if event.received_at <= gone[event.sender]}
    return [event for event in batch if event.seq not in out]
