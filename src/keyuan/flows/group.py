"""A person's traits changed: which segments does she enter or leave, and when."""

import uuid
from collections.abc import Sequence

from keyuan import events, segments
from keyuan.engines.database import Session
from keyuan.profiles.catalogue import TRAITS
from keyuan.profiles.record import Moment
from keyuan.segments.rules import ColumnType

_TYPES = {
    "int64": ColumnType.INTEGER,
    "decimal": ColumnType.DECIMAL,
    "text": ColumnType.TEXT,
    "list": ColumnType.TEXTS,
}
COLUMNS = {trait.name: _TYPES[trait.kind] for trait in TRAITS}
"""The traits as columns of the rule language, in the order of a trait record."""

Stays = dict[uuid.UUID, dict[str, int]]
"""Segments that people are in, and since when (microseconds)."""

_boards: dict[tuple[tuple[str, str], ...], segments.Board] = {}


def board(session: Session) -> segments.Board:
    """Return the tenant's rules, compiled; the same definitions are compiled once per process."""
    found = segments.segments(session)
    key = tuple((segment.name, segment.rule) for segment in found)
    if key not in _boards:
        _boards.clear()
        _boards[key] = segments.Board(found, COLUMNS)
    return _boards[key]


def group(session: Session, moments: Sequence[Moment], stays: Stays | None = None) -> None:
    """Keep who entered and left which segment, from trait records in each person's order of time.

    `stays` are those that the consumer keeps, of everybody in the batch whom it knows; it is brought up to date. A
    caller who keeps none tells the consumer whom it moved, and so has to hold the consumer's position.
    """
    if not moments:
        return
    known: Stays = {} if stays is None else stays
    unknown = {moment.person for moment in moments} - known.keys()
    if unknown:
        known |= segments.current(session, unknown)
    holds = board(session).holds
    moved = segments.moves(
        known, [segments.Seen(moment.person, moment.as_of_us, holds(moment.values)) for moment in moments]
    )
    segments.keep_moves(session, moved)
    if stays is None:
        events.notice(session, {stay.person for stay in (*moved.ended, *moved.begun)})
