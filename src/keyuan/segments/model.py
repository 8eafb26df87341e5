"""Segments: a name, a rule, and who was in it when. Pure decisions about entering and leaving.

Not here: the rule language (`rules`) and the traits it reads (`profiles`).
Units: instants are integer microseconds since the Unix epoch; membership holds on [entered_at, left_at).
"""

import uuid
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A target group: people whose traits the rule holds for."""

    name: str
    rule: str
    title_en: str
    title_zh: str


class Stay(NamedTuple):
    """One stay of a person in a segment; `left_at_us` is None while it lasts."""

    person: uuid.UUID
    segment: str
    entered_at_us: int
    left_at_us: int | None


class Seen(NamedTuple):
    """What the rules said of a person at an instant."""

    person: uuid.UUID
    at_us: int
    holds: frozenset[str]


@dataclass(slots=True)
class Moves:
    """What changes in storage: stays that ended, and stays that began (and perhaps ended again)."""

    ended: list[Stay] = field(default_factory=list)
    begun: list[Stay] = field(default_factory=list)


def moves(current: Mapping[uuid.UUID, Mapping[str, int]], seen: Iterable[Seen]) -> Moves:
    """Return what a row of observations, each person's in order of time, changes.

    `current` holds, per person, the segments she is in and since when (microseconds).
    """
    result = Moves()
    stays = {person: dict(segments) for person, segments in current.items()}
    stored = {person: set(segments) for person, segments in current.items()}
    for person, at_us, holds in seen:
        mine = stays.setdefault(person, {})
        if mine.keys() != holds:
            _leave(result, person, at_us, mine, stored.get(person, set()), mine.keys() - holds)
            for segment in holds - mine.keys():
                mine[segment] = at_us
    for person, mine in stays.items():
        kept = stored.get(person, set())
        result.begun.extend(Stay(person, segment, at, None) for segment, at in mine.items() if segment not in kept)
    return result


def _leave(
    result: Moves, person: uuid.UUID, at_us: int, mine: dict[str, int], stored: set[str], left: AbstractSet[str]
) -> None:
    """End stays; one that began and ended inside this batch was never stored, one of no length never was."""
    for segment in left:
        entered_at_us = mine.pop(segment)
        if segment in stored:
            stored.discard(segment)
            result.ended.append(Stay(person, segment, entered_at_us, at_us))
        elif entered_at_us < at_us:
            result.begun.append(Stay(person, segment, entered_at_us, at_us))
