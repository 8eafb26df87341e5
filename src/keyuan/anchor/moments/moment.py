"""One moment of the proofs: the log and everybody's balances as they were at the end of an epoch.

What is stored is where accounts stand after the newest epoch. For an older one, what moved since is taken back: each
leaf since stands for an entry of the ledger, and an account's head was the hash of its last leaf until then. No body of
a leaf is needed for that, so what was destroyed is in nobody's way. Everything is compared with what the epoch
committed to before a proof is made of it.
Deliberately not here: whose accounts these are, and what of it goes into which file (`bundle`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from keyuan import ledger
from keyuan.anchor import reads
from keyuan.anchor.epoch import BALANCE_SIGNS
from keyuan.anchor.header import BookRecord, Header
from keyuan.anchor.leaf import text_digest
from keyuan.anchor.reads import StoredEpoch, StoredLeaf
from keyuan.anchor.sums import NO_SUMS, SumNode, Sums, SumTree, sum_leaf
from keyuan.anchor.trees import Tree, TreeError
from keyuan.engines.database import Session, load_statements
from keyuan.kernel.errors import CorruptionError, MissingError

_SQL = load_statements(__package__ or "")
_BATCH: Final = 10_000
_HASHES: Final = 50_000

Report = Callable[[int, int], None]
"""Leaves of the log that were read, and all there are."""


class NoSuchEpochError(MissingError):
    """There is no closed epoch of this number."""


@dataclass(frozen=True)
class Moment:
    """The end of an epoch: all epochs up to it, and the log as it was then."""

    epochs: Sequence[StoredEpoch]
    log: Tree

    @property
    def header(self) -> Header:
        """The header of the epoch."""
        return self.epochs[-1].header

    def record(self, brand: str, currency: str) -> BookRecord | None:
        """Return the record of a book, None if it had no account yet."""
        wanted = (text_digest(brand), text_digest(currency))
        return next((record for record in self.epochs[-1].records if record[:2] == wanted), None)


class BookAt(NamedTuple):
    """One book at a moment: the place of each account, and the tree over their balances."""

    places: Mapping[int, int]
    tree: SumTree


def open_moment(session: Session, epoch: int, report: Report) -> Moment:
    """Return the end of an epoch; `session` sees one snapshot.

    Raises:
        NoSuchEpochError: it is not closed.
        CorruptionError: the stored leaves are not those that it committed to.
    """
    epochs = reads.epochs(session, most=max(0, epoch))
    if len(epochs) != epoch or epoch < 1:
        raise NoSuchEpochError(epoch=epoch)
    size, log = epochs[-1].header.last_seq, Tree()
    hashes = session.stream(_SQL["hashes"], size=_HASHES, last=size)
    while run := [leaf_hash for (leaf_hash,) in islice(hashes, _HASHES)]:
        log.extend(run)
        report(log.size, size)
    if log.size != size or log.root() != epochs[-1].header.log_root:
        raise CorruptionError("The stored leaves are not those that were committed to: run verify.", epoch=epoch)
    return Moment(epochs, log)


def books(session: Session) -> list[tuple[str, str]]:
    """Return brand and currency of all books."""
    return [(brand, currency) for brand, currency in session.rows(_SQL["books"])]


def histories(session: Session, moment: Moment, accounts: Sequence[int]) -> dict[int, list[StoredLeaf]]:
    """Return the leaves of accounts until a moment, each account's in order; a body that was destroyed is None."""
    found: dict[int, list[StoredLeaf]] = {account: [] for account in accounts}
    for row in session.rows(_SQL["leaves_of"], accounts=list(accounts), last=moment.log.size):
        leaf = StoredLeaf(*row)
        found[leaf.account].append(leaf)
    return found


def book_at(session: Session, moment: Moment, brand: str, currency: str) -> BookAt:
    """Return a book as it was at a moment, in the same snapshot.

    Raises:
        CorruptionError: what is stored is not what the epoch committed to.
    """
    record = moment.record(brand, currency)
    if record is None:
        return BookAt({}, SumTree())
    names = {"brand": brand, "currency": currency, "accounts": record.accounts}
    stored = {account: (head, sums) for account, head, *sums in session.rows(_SQL["standings_of_book"], **names)}
    moved = {account: sums for account, sums in _moved_since(session, moment).items() if account in stored}
    rows = session.rows(_SQL["heads_at"], accounts=list(moved), last=moment.log.size)
    stored |= {account: (head, map(int.__sub__, stored[account][1], moved[account])) for account, head in rows}
    try:
        tree = SumTree([_leaf(head, *sums) for head, sums in stored.values()])
    except TreeError:
        tree = SumTree()
    if (tree.size, tree.root) != (record.accounts, record.root):
        raise CorruptionError("The stored balances are not those that were committed to: run verify.", brand=brand)
    return BookAt({account: place for place, account in enumerate(stored)}, tree)


def _leaf(head: bytes, available: int, held: int, pending: int, debt: int) -> SumNode:
    return sum_leaf(head, (available, held, pending, debt))


def _moved_since(session: Session, moment: Moment) -> dict[int, Sums]:
    """Return by how much the balances of accounts have changed in the epochs after a moment."""
    after, last = session.row(_SQL["ends"], last=moment.log.size) or (0, 0)
    moved: dict[int, Sums] = {}
    while after < last:
        legs = ledger.holder_legs(session, after, _BATCH, upto=last)
        if not legs:
            break  # entries are missing: what comes out will not be what was committed to
        after = legs[-1].seq
        for leg in legs:
            sums, signs = moved.get(leg.account, NO_SUMS), BALANCE_SIGNS[leg.kind]
            available, held, pending, debt = (sum_ + sign * leg.points for sum_, sign in zip(sums, signs, strict=True))
            moved[leg.account] = (available, held, pending, debt)
    return moved
