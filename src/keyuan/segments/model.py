"""Segments: a name, a rule, and who was in it when. Pure decisions about entering and leaving.

Not here: the rule language (`rules`) and the traits it reads (`profiles`).
Units: instants are integer microseconds since the Unix epoch; membership holds on [entered_at, left_at).
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import Struct

from keyuan.kernel.errors import CorruptionError


class UnknownSegmentError(CorruptionError):
    """A stay was to be kept in a segment that is not there."""


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


class Seen(Struct, frozen=True, gc=False):
    """What the rules said of a person at an instant."""

    person: uuid.UUID
    at_us: int
    holds: frozenset[str]


class Moves(NamedTuple):
    """What changes in storage: stays that ended, and stays that began (and perhaps ended again)."""

    ended: list[Stay]
    begun: list[Stay]


def moves(current: dict[uuid.UUID, dict[str, int]], seen: Iterable[Seen]) -> Moves:
    """Return what a row of observations, each person's in order of time, changes; `current` is changed along.

    `current` holds, per person, the segments she is in and since when (microseconds). A stay that began and ended
    inside this row was never stored, and one of no length never was.
    """
    ended: list[Stay] = []
    passed: list[Stay] = []
    begun: dict[tuple[uuid.UUID, str], int] = {}
    for each in seen:
        person, at_us, holds = each.person, each.at_us, each.holds
        mine = current.get(person)
        if mine is None:
            mine = current[person] = {}
        if mine.keys() == holds:
            continue
        for segment in mine.keys() - holds:
            entered_at_us = mine.pop(segment)
            if begun.pop((person, segment), None) is None:
                ended.append(Stay(person, segment, entered_at_us, at_us))
            elif entered_at_us < at_us:
                passed.append(Stay(person, segment, entered_at_us, at_us))
        for segment in holds - mine.keys():
            mine[segment] = begun[person, segment] = at_us
    lasting = [Stay(person, segment, at_us, None) for (person, segment), at_us in begun.items()]
    return Moves(ended, passed + lasting)
