"""A person's traits changed: which segments does she enter or leave, and when."""

import uuid
from collections.abc import Iterable, Sequence

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


def recall(session: Session, stays: Stays, people: Iterable[uuid.UUID]) -> None:
    """Bring the stays of people that are not known yet."""
    unknown = [person for person in people if person not in stays]
    if unknown:
        stays |= segments.current(session, unknown)


def regroup(session: Session, rules: segments.Board, moments: Sequence[Moment], stays: Stays) -> segments.Moves:
    """Keep who entered and left which segment, from trait records in each person's order of time.

    `stays` are those of everybody in the batch, and are brought up to date.
    """
    holds = rules.holds
    moves = segments.moves(
        stays, [segments.Seen(moment.person, moment.as_of_us, holds(moment.values)) for moment in moments]
    )
    segments.keep_moves(session, moves)
    return moves


def group(session: Session, moments: Sequence[Moment]) -> None:
    """Regroup people past the consumer, which is told whom to look at again; the caller holds its position."""
    stays: Stays = {}
    recall(session, stays, {moment.person for moment in moments})
    moves = regroup(session, board(session), moments, stays)
    events.notice(session, {stay.person for stay in (*moves.ended, *moves.begun)})
