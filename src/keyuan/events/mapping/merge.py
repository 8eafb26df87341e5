"""Sorted sources, merged by time. Pure.

Ties: what is due on that date, then the order of the sources in the mapping file (so customers stand before their
orders), then the order within a source (orders by their key). What has no readable time comes first: it goes to
quarantine, and nobody waits for it.
"""

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keyuan.events.calendar import Date
from keyuan.events.model import Refusal
from keyuan.kernel.clock import to_us

NO_TIME_US = -(2**62)
"""Stands where a time cannot be read: before every instant there is."""
CALENDAR_RANK = -(2**31)
"""Dates come before everything that happens at their instant."""


class Made(NamedTuple):
    """One event that a mapping made; (`time_us`, `rank`, `number`) is its place and stands once.

    `body` is the event as JSON, or what can be said of the rows that make none; then `refusal` says why.
    """

    time_us: int
    rank: int
    number: int
    body: bytes
    refusal: Refusal | None


def dates_of(dates: Iterable[Date]) -> Iterator[Made]:
    """Yield the events of a calendar, in order."""
    for number, date in enumerate(sorted(dates, key=lambda date: date.at)):
        yield Made(to_us(date.at), CALENDAR_RANK, number, date.body, None)


def merged(sources: Iterable[Iterable[Made]]) -> Iterator[Made]:
    """Yield the events of all sources by time; each source must be in order already."""
    # Tuples compare by time, rank and number, and go no further: no two agree in all three.
    return heapq.merge(*sources)
