"""Questions about segments: which there are, who is in them, how large they were at an instant."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import to_us
from keyuan.segments.model import Segment

_SQL = load_statements(__package__ or "")


def segments(session: Session) -> list[Segment]:
    """Return the segments in the order of their names."""
    return [
        Segment(name=name, rule=rule, title_en=title_en, title_zh=title_zh)
        for name, rule, title_en, title_zh in session.rows(_SQL["segments"])
    ]


def current(session: Session, people: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
    """Return the segments that each of these people is in, and since when (microseconds)."""
    found: dict[uuid.UUID, dict[str, int]] = {person: {} for person in people}
    for person, names, entered in session.rows(_SQL["current"], people=list(found)):
        found[person] = dict(zip(names, map(to_us, entered), strict=True))
    return found


def sizes(session: Session, at: datetime) -> dict[str, int]:
    """Return the number of people in each segment at an instant, empty segments too."""
    return {name: count for name, count in session.rows(_SQL["sizes"], at=at)}  # noqa: C416  # typed, unlike dict()


def members(session: Session, segment: str, at: datetime) -> list[uuid.UUID]:
    """Return the people who were in a segment at an instant."""
    return [row[0] for row in session.rows(_SQL["members"], segment=segment, at=at)]
