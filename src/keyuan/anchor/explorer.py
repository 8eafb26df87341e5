"""Questions of whoever looks at epochs and at where they stand on the chain."""

from collections.abc import Sequence
from typing import NamedTuple

from keyuan.anchor.reads import StoredLeaf
from keyuan.engines.database import Session, load_statements

_SQL = load_statements("keyuan.anchor", "explorer_queries.sql")


class EpochRow(NamedTuple):
    """An epoch, and where its commitment stands once it is final; entries up to `last_entry` are in it or before."""

    epoch: int
    last_entry: int
    commitment: bytes
    transaction: bytes | None
    block_number: int | None

    @property
    def is_anchored(self) -> bool:
        """Whether its commitment is final on the chain."""
        return self.transaction is not None


def newest_epochs(session: Session, limit: int) -> list[EpochRow]:
    """Return the newest epochs, newest first."""
    return [EpochRow._make(row) for row in session.rows(_SQL["newest_epochs"], limit=limit)]


def epoch_of(session: Session, entry: int) -> EpochRow | None:
    """Return the epoch that an entry is in, None if it is in none yet."""
    row = session.row(_SQL["epoch_of"], entry=entry)
    return None if row is None else EpochRow._make(row)


def anchored_entry(session: Session) -> int:
    """Return the number of the last entry whose epoch is final on the chain, 0 if none is."""
    row = session.row(_SQL["anchored_entry"])
    return (row[0] if row else None) or 0


def leaves_of(session: Session, accounts: Sequence[int], entries: Sequence[int]) -> dict[int, StoredLeaf]:
    """Return the leaves of some entries by their numbers; `accounts` are theirs, in the same order."""
    rows = session.rows(_SQL["leaves_of"], accounts=list(accounts), entries=list(entries))
    return {leaf.entry: leaf for leaf in map(StoredLeaf._make, rows)}
