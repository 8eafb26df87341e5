"""Questions about portraits: one person, a page of people, how many, and all trait records as a stream.

Deliberately not here: who consented (`consent`), and contact fields in clear (`contact`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import to_us
from keyuan.profiles.catalogue import TRAITS, Trait
from keyuan.profiles.state import State, decode
from keyuan.profiles.traits import Value, Values, evaluate

_SQL = load_statements(__package__ or "keyuan.profiles")
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """The portrait of one person: each trait with its value, when and from what it was computed.

    `from_seq` is the last event of the log that was folded, `facts` how many; `pattern` counts orders by weekday
    (7 rows, Monday first) and hour (24 columns), in UTC.
    """

    person: UUID
    as_of: datetime
    from_seq: int
    facts: int
    traits: tuple[tuple[Trait, Value], ...]
    pattern: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One line of a list of people."""

    person: UUID
    as_of: datetime
    from_seq: int
    facts: int


def portrait(session: Session, person: UUID) -> Portrait | None:
    """The portrait of one person, or None if there is none."""
    row = session.row(_SQL["one_portrait"], person=person)
    if row is None:
        return None
    as_of, from_seq, facts, body = row
    state = decode(body)
    return Portrait(
        person=person,
        as_of=as_of,
        from_seq=from_seq,
        facts=facts,
        traits=tuple(zip(TRAITS, evaluate(state, to_us(as_of)), strict=True)),
        pattern=_pattern(state),
    )


def _pattern(state: State) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(state.hours.get(day * 24 + hour, 0) for hour in range(24)) for day in range(7))


def people(session: Session, *, after: UUID = _FIRST, limit: int = 100) -> list[PersonRow]:
    """One page of people with a portrait, in the order of their ids; `after` is the last of the page before."""
    return [PersonRow(*row) for row in session.rows(_SQL["page_of_people"], after=after, limit=limit)]


def count(session: Session) -> int:
    """How many people have a portrait."""
    row = session.row(_SQL["count_portraits"])
    return row[0] if row else 0


def person_of(session: Session, sender: bytes) -> UUID | None:
    """The person behind a sender, or None if it was never heard of."""
    row = session.row(_SQL["known_senders"], senders=[sender])
    return None if row is None else row[1]


def senders_of(session: Session, person: UUID) -> list[bytes]:
    """The senders that are one person."""
    return [sender for (sender,) in session.rows(_SQL["senders_of"], person=person)]


def senders_of_all(session: Session, people: Collection[UUID]) -> dict[UUID, list[bytes]]:
    """The senders of each of these people, in order; who was never heard of is left out."""
    return dict(session.rows(_SQL["senders_of_all"], people=list(people)))


def count_people(session: Session, senders: Sequence[bytes]) -> int:
    """How many people these senders are, with a portrait or without."""
    row = session.row(_SQL["count_people"], senders=senders)
    return row[0] if row else 0


def trait_rows(session: Session) -> Iterator[tuple[UUID, Values]]:
    """Everybody's trait record as of her portrait, in no order; for evaluation in batch."""
    for person, as_of, body in session.stream(_SQL["all_states"]):
        yield person, evaluate(decode(body), to_us(as_of))
