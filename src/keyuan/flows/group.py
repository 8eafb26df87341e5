"""A person's traits changed: which segments does she enter or leave, and when."""

from collections.abc import Sequence

from keyuan import segments
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

_boards: dict[tuple[tuple[str, str], ...], segments.Board] = {}


def board(session: Session) -> segments.Board:
    """Return the tenant's rules, compiled; the same definitions are compiled once per process."""
    found = segments.segments(session)
    key = tuple((segment.name, segment.rule) for segment in found)
    if key not in _boards:
        _boards.clear()
        _boards[key] = segments.Board(found, COLUMNS)
    return _boards[key]


def group(session: Session, moments: Sequence[Moment]) -> None:
    """Keep who entered and left which segment, from trait records in each person's order of time."""
    if not moments:
        return
    rules = board(session)
    current = segments.current(session, {moment.person for moment in moments})
    seen = (segments.Seen(moment.person, moment.as_of_us, rules.holds(moment.values)) for moment in moments)
    segments.keep_moves(session, segments.moves(current, seen))
