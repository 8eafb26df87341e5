"""How far an import is: moved in the transaction that appends, so that a half-imported file can be run again.

Deliberately not here: reading files.
"""

from typing import NamedTuple

from keyuan.engines.database import Session, load_statements
from keyuan.events.model import OtherFileError

_SQL = load_statements("keyuan.events")


class Progress(NamedTuple):
    """`next_row` is the first row that was not taken yet, counted from 0."""

    next_row: int
    done: bool


def progress(session: Session, name: str, fingerprint: str) -> Progress:
    """Return how far an import is; the row is locked, so that two runs of one import follow each other.

    Raises:
        OtherFileError: under this name a file with another fingerprint was begun.
    """
    row = session.row(_SQL["progress"], name=name)
    if row is None:
        return Progress(0, done=False)
    if row[0] != fingerprint:
        raise OtherFileError(name=name)
    return Progress(row[1], done=row[2])


def note_progress(session: Session, name: str, fingerprint: str, next_row: int, *, done: bool) -> None:
    """Write how far an import is."""
    session.execute(
        _SQL["note_progress"],
        tenant=session.tenant,
        name=name,
        fingerprint=fingerprint,
        next_row=next_row,
        done=done,
    )
