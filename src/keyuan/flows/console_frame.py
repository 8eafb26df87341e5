"""What stands around every page of the console: the newest epoch, how many segments there are, and an alarm."""

from typing import NamedTuple

from keyuan import segments
from keyuan.anchor import reads
from keyuan.engines.database import Session


class Frame(NamedTuple):
    """The frame of a page; `epochs` are closed, `anchored` of them final on the chain."""

    epochs: int
    anchored: int
    segments: int
    alarm: str | None


def frame(session: Session) -> Frame:
    """Return what stands around a page."""
    progress = reads.progress(session)
    return Frame(progress.epochs, progress.anchored, len(segments.segments(session)), progress.alarm)
