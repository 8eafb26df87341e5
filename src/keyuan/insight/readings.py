"""The latest reading of all metrics, kept, so that a page reads one row instead of asking the lake for seconds.

One row a tenant; how far log and ledger were tells whether it is still true. Deliberately not here: when a reading is
taken and by whom (flows), and what earlier ones said.
"""

from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from keyuan.engines.database import Session, load_statements
from keyuan.insight.answers import Overview
from keyuan.kernel.digest import sha256

_SQL = load_statements(__package__ or "")
_DECODER = msgspec.json.Decoder(Overview)
_SHAPE: Final = sha256(msgspec.json.encode(msgspec.json.schema(Overview)))
"""What a reading looks like in this version of the program; one of another shape is as good as none."""


class Extent(NamedTuple):
    """How far log and ledger were: the numbers of the newest event and of the newest entry."""

    event: int
    entry: int


class Taken(NamedTuple):
    """When the kept reading was taken, in real time, and of what."""

    taken_at: datetime
    as_of: datetime
    extent: Extent


def keep(session: Session, overview: Overview, extent: Extent, taken_at: datetime) -> None:
    """Keep a reading in place of the one before; one that is older than what is kept is dropped."""
    session.execute(
        _SQL["keep"],
        tenant=session.tenant,
        taken_at=taken_at,
        as_of=overview.as_of,
        event=extent.event,
        entry=extent.entry,
        shape=_SHAPE,
        body=msgspec.json.encode(overview),
    )


def taken(session: Session) -> Taken | None:
    """Return when the kept reading was taken; None before the first."""
    row = session.row(_SQL["taken"], shape=_SHAPE)
    return None if row is None else Taken(row[0], row[1], Extent(row[2], row[3]))


def latest(session: Session) -> Overview | None:
    """Return the kept reading; None before the first, and when an earlier version of the program took it."""
    row = session.row(_SQL["latest"], shape=_SHAPE)
    return None if row is None else _DECODER.decode(row[0])
