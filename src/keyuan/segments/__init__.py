"""Target groups: rules over traits, and who was in them as of any time."""

from keyuan.segments.board import Board
from keyuan.segments.model import Moves, Seen, Segment, Stay, UnknownSegmentError, moves
from keyuan.segments.reads import current, members, segments, sizes
from keyuan.segments.store import keep_moves, leave_all, save

__all__ = [
    "Board",
    "Moves",
    "Seen",
    "Segment",
    "Stay",
    "UnknownSegmentError",
    "current",
    "keep_moves",
    "leave_all",
    "members",
    "moves",
    "save",
    "segments",
    "sizes",
]
