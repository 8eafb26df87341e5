"""What is written of people: identities and portraits, a batch at a time.

Deliberately not here: the transaction (flows and the consumer open it), consent (only facts that may be used come
in), contact fields (`contact`). A portrait is written only over the state that was folded: see `StaleStateError`.
Units: `_us` microseconds since the epoch, UTC; at most one consumer batch of people in one call of `apply`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import to_us
from keyuan.kernel.ids import new_id
from keyuan.profiles.model import AnyFact, StaleStateError
from keyuan.profiles.record import Moment
from keyuan.profiles.state import State, add, decode, encode
from keyuan.profiles.traits import evaluate, live_instant, next_edge_us

_SQL = load_statements(__package__ or "keyuan.profiles")
_FIRST = UUID(int=0)
_CHUNK = 4_000
# Instants are staged as microseconds: making datetimes of them costs more here than in the database.
_INSTANT = {"as_of_us": "int8", "next_edge_us": "int8"}
_COUNTS = {"facts_before": "int8", "facts": "int8", "from_seq": "int8"}
_FOLDED = {"person": "uuid"} | _COUNTS | _INSTANT | {"state": "bytea"}
_MOVED = {"person": "uuid", "facts": "int8"} | _INSTANT


class Cache:
    """States that one consumer keeps between its batches; it must be dropped after every rollback.

    It keeps stored bytes, not states: thousands of living lists would cost more in garbage collection than decoding.
    """

    def __init__(self, people_max: int = 20_000) -> None:
        self._people_max = people_max
        self._bodies: dict[UUID, bytes] = {}

    def bodies(self, people: Iterable[UUID]) -> list[bytes | None]:
        """The state of each person as this consumer wrote it last; None for whom it does not know."""
        return list(map(self._bodies.get, people))

    def keep(self, people: Iterable[UUID], bodies: Iterable[bytes]) -> None:
        """Remember what was just written; when there are too many people, begin anew."""
        written = list(zip(people, bodies, strict=True))
        self._bodies.update(written)
        if len(self._bodies) > self._people_max:
            self._bodies = dict(written)

    def forget(self, people: Iterable[UUID]) -> None:
        """Let go of these people."""
        for person in people:
            self._bodies.pop(person, None)

    def drop(self) -> None:
        """Let go of everybody."""
        self._bodies.clear()


def resolve(session: Session, senders: Iterable[bytes]) -> dict[bytes, UUID]:
    """The person of each sender; a sender never seen before becomes a new person."""
    wanted = sorted(set(senders))
    found = known(session, wanted)
    missing = [sender for sender in wanted if sender not in found]
    if missing:
        people = [new_id() for _ in missing]
        session.execute(_SQL["add_senders"], tenant=session.tenant, senders=missing, people=people)
        found |= known(session, missing)
    return found


def known(session: Session, senders: Iterable[bytes]) -> dict[bytes, UUID]:
    """The person of each sender that was seen before."""
    wanted = list(senders)
    return dict(session.rows(_SQL["known_senders"], senders=wanted)) if wanted else {}


def apply(
    session: Session,
    facts: Mapping[UUID, Sequence[AnyFact]],
    *,
    every: bool = False,
    floor_us: int = 0,
    cache: Cache | None = None,
) -> list[Moment]:
    """Fold the facts of a batch, each person's in the order of the log, and write the portraits.

    Returns the traits after each fact (`every`), or once per person after the last one, each at
    `live_instant(state, fact, floor_us)`. The portrait is written as of the person's last moment.

    Raises:
        StaleStateError: somebody else wrote one of these people; roll back, drop the cache, try again. As portraits
            are written `later`, another statement or the commit may be what raises it.
        AmountError: a fact cannot be folded.
    """
    # A person is looked up twice, before and after: an id is dear to hash.
    batch = [(person, happened) for person, happened in facts.items() if happened]
    people = [person for person, _ in batch]
    bodies: list[bytes] = []
    moments: list[Moment] = []
    rows: list[tuple[object, ...]] = []
    for (person, happened), before in zip(batch, _bodies(session, people, cache), strict=True):
        state = State() if before is None else decode(before)
        facts_before = state.facts
        for fact in happened:
            add(state, fact)
            if every:
                moments.append(_moment(person, state, fact, floor_us))
        if not every:
            moments.append(_moment(person, state, happened[-1], floor_us))
        as_of_us = moments[-1].as_of_us
        body = encode(state)
        bodies.append(body)
        edge_us = next_edge_us(state, as_of_us)
        rows.append((person, facts_before, state.facts, state.from_seq, as_of_us, edge_us, body))
    session.later(lambda session: _write(session, rows))
    if cache is not None:
        cache.keep(people, bodies)
    return moments


def _moment(person: UUID, state: State, fact: AnyFact, floor_us: int) -> Moment:
    as_of_us = live_instant(state, fact.at_us, floor_us)
    return Moment(person, fact.seq, as_of_us, evaluate(state, as_of_us))


def _bodies(session: Session, people: Sequence[UUID], cache: Cache | None) -> Sequence[bytes | None]:
    """The stored states; each is decoded when its turn comes, so that few are alive at a time."""
    known = [None] * len(people) if cache is None else cache.bodies(people)
    unknown = [person for person, body in zip(people, known, strict=True) if body is None]
    if not unknown:
        return known
    stored: dict[UUID, bytes] = dict(session.rows(_SQL["load_states"], people=unknown))
    return [stored.get(person) if body is None else body for person, body in zip(people, known, strict=True)]


def _write(session: Session, rows: Sequence[tuple[object, ...]]) -> None:
    staged = session.stage("profiles_portrait", _FOLDED, rows)
    written = session.execute(_SQL["rewrite_portraits"])
    if written < staged:
        written += session.execute(_SQL["add_portraits"], tenant=session.tenant)
    if written != staged:
        raise StaleStateError(staged=staged, written=written)


def due(session: Session, now: datetime, limit: int) -> list[UUID]:
    """People with a trait that time alone has changed up to `now`, the longest due first."""
    return [person for (person,) in session.rows(_SQL["people_due"], now=now, limit=limit)]


def refresh(session: Session, as_of: datetime, people: Sequence[UUID] | None = None) -> list[Moment]:
    """Evaluate these people, or everybody, at `as_of`; returns the records that changed.

    A person with a fact at or after `as_of` is evaluated right after her newest fact instead. Who is folded by
    another transaction meanwhile is left to it.
    """
    changed: list[Moment] = []
    for chunk in _chunks(session, people):
        changed += _refresh(session, to_us(as_of), chunk)
    return changed


def _chunks(session: Session, people: Sequence[UUID] | None) -> Iterator[Sequence[UUID]]:
    if people is not None:
        for start in range(0, len(people), _CHUNK):
            yield people[start : start + _CHUNK]
        return
    after = _FIRST
    while chunk := [person for (person,) in session.rows(_SQL["people_after"], after=after, limit=_CHUNK)]:
        yield chunk
        after = chunk[-1]


def _refresh(session: Session, as_of_us: int, people: Sequence[UUID]) -> list[Moment]:
    changed: dict[UUID, Moment] = {}
    rows: list[tuple[object, ...]] = []
    for person, facts, as_of, body in session.rows(_SQL["load_portraits"], people=list(people)):
        state = decode(body)
        at_us = live_instant(state, 0, as_of_us)
        moment = Moment(person, state.from_seq, at_us, evaluate(state, at_us))
        rows.append((person, facts, at_us, next_edge_us(state, at_us)))
        if moment.values != evaluate(state, to_us(as_of)):
            changed[person] = moment
    session.stage("profiles_moved", _MOVED, rows)
    moved = {person for (person,) in session.rows(_SQL["move_portraits"])}
    return [moment for person, moment in changed.items() if person in moved]


def forget_traits(session: Session, people: Sequence[UUID], cache: Cache | None = None) -> int:
    """Delete the portraits of these people, with all that was folded into them; returns how many there were."""
    if cache is not None:
        cache.forget(people)
    return session.execute(_SQL["forget_portraits"], people=list(people))
