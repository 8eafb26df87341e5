"""Who somebody is in the lake: a number that only our key makes of her, for as long as she agrees to be followed.

Following somebody over time is personalisation. A consent that ends in the future counts as ended, so nothing here
depends on a clock. Deliberately not here: writing the lake (`lake.py`), and asking it.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from keyuan import consent
from keyuan.consent import Purpose, Timeline
from keyuan.engines.database import Session
from keyuan.engines.secrets import KeyedHasher, Secrets, keyed_hasher

_FOREVER_US: Final = 2**62
_NUMBER_BYTES: Final = 8


def number_of(hasher: KeyedHasher, value: bytes) -> int:
    """Return the number that stands for a value under our key: the first 64 bits of its hash, signed."""
    return int.from_bytes(hasher.of(value)[:_NUMBER_BYTES], "big", signed=True)


def customer_numbers(secrets: Secrets, tenant: int, people: Iterable[UUID]) -> dict[UUID, int]:
    """Return the number that stands for each person in a tenant's lake."""
    hasher = keyed_hasher(secrets.sender_hash, tenant, "lake-customer")
    return {person: number_of(hasher, person.bytes) for person in people}


def followed_timelines(session: Session, people: Iterable[UUID]) -> dict[UUID, Timeline]:
    """Return what people said of being followed; who never said anything is not in it."""
    decisions = consent.decisions_of(session, set(people), [Purpose.PERSONALISATION])
    return {person: timeline for (person, _), timeline in decisions.items()}


def may_follow(timeline: Timeline, at_us: int) -> bool:
    """Tell whether what a person did at an instant may be hers in the lake."""
    return consent.allows(timeline, at_us, _FOREVER_US)


def followed_throughout(timeline: Timeline, from_us: int, until_us: int) -> bool:
    """Tell whether all that a person did from an instant (inclusive) to another one (exclusive) may be hers."""
    edges = [from_us, *(at_us for at_us, _ in timeline if from_us < at_us < until_us)]
    return all(may_follow(timeline, at_us) for at_us in edges)


def withdrawn(timeline: Timeline) -> list[tuple[int | None, int | None]]:
    """Return the spans of time of which a person who once withdrew allows nothing; none if she never did."""
    if all(given for _, given in timeline):
        return []
    edges = sorted({at_us for at_us, _ in timeline})
    spans: list[tuple[int | None, int | None]] = [(None, edges[0])]
    for start, end in zip(edges, [*edges[1:], None], strict=True):
        if not may_follow(timeline, start):
            spans.append((start, end))
    return spans
