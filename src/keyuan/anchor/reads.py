"""Questions about what is committed to: epochs, leaves, how much there is."""

from collections.abc import Iterator
from typing import NamedTuple

from keyuan.anchor.header import RECORD_BYTES, BookRecord, Domain, Header
from keyuan.engines.database import Session, load_statements

_SQL = load_statements(__package__ or "")


class StoredEpoch(NamedTuple):
    """One epoch as it was stored before it was anchored."""

    header: Header
    commitment: bytes
    records: list[BookRecord]


class StoredLeaf(NamedTuple):
    """One leaf; `body` is None once it was destroyed."""

    seq: int
    entry: int
    account: int
    hash: bytes
    body: bytes | None


class Counts(NamedTuple):
    """How much is committed to, and how many awards the deployed code has computed again."""

    movements: int
    epochs: int
    terms_checked: int = 0


class Progress(NamedTuple):
    """How far closing and anchoring are: what was asked for, and `alarm`, what anchoring stopped at."""

    paused: bool
    close_through: int
    alarm: str | None
    epochs: int
    last_entry: int
    anchored: int

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for is final on the chain."""
        return self.last_entry >= self.close_through and self.anchored == self.epochs


class Anchored(NamedTuple):
    """How many epochs are final on the chain, and the gas that a usual one has used."""

    epochs: int
    gas_used: int | None


def domain(session: Session) -> Domain | None:
    """Return where a tenant's commitments stand, None while they stand nowhere."""
    row = session.row(_SQL["domain"])
    return None if row is None else Domain(*row)


def epochs(session: Session, after: int = 0, most: int | None = None) -> list[StoredEpoch]:
    """Return the epochs after a number in order, at most so many."""
    return [
        StoredEpoch(
            Header.decode(header),
            commitment,
            [BookRecord.decode(records[at : at + RECORD_BYTES]) for at in range(0, len(records), RECORD_BYTES)],
        )
        for _epoch, header, commitment, records in session.rows(_SQL["epochs"], after=after, most=most)
    ]


def progress(session: Session) -> Progress:
    """Return how far closing and anchoring are."""
    return Progress._make(session.row(_SQL["progress"]) or (False, 0, None, 0, 0, 0))


def contracts(session: Session) -> dict[str, bytes]:
    """Return the addresses of the contracts that stand on the chain for good, by name."""
    return dict(session.rows(_SQL["contracts"]))


def anchored(session: Session) -> Anchored:
    """Return how many epochs are final on the chain, and what a usual one has cost."""
    return Anchored._make(session.row(_SQL["anchored"]) or (0, None))


def leaves(session: Session, after: int = 0) -> Iterator[StoredLeaf]:
    """Yield the log in order, from the leaf after a number on."""
    for row in session.stream(_SQL["leaves_after"], after=after):
        yield StoredLeaf(*row)


def some_leaves(session: Session, first: int, last: int) -> list[StoredLeaf]:
    """Return the leaves with these numbers."""
    return [StoredLeaf(*row) for row in session.rows(_SQL["leaves_between"], first=first, last=last)]


def counts(session: Session) -> Counts:
    """Return how many movements, epochs and checked awards there are."""
    return Counts._make(session.row(_SQL["count"]) or (0, 0, 0))
