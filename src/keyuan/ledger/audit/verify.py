"""Checking a tenant's ledger as it stands: every balance, lot, hold and key rebuilt from entries alone.

In a transaction with one snapshot (repeatable read) nobody waits for it; in any other it takes the ledger's lock, so
that what it reads stream by stream belongs together. What the rebuild cannot see is a history that was rewritten
from some entry to the head with all links made anew: that is what anchors are for.
"""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import cast

from keyuan.engines.database import Row, Session, load_statements
from keyuan.ledger.audit.books import Books, Counts, LedgerDifferenceError
from keyuan.ledger.audit.rebuild import rebuild
from keyuan.ledger.store import lock_books

_SQL = load_statements("keyuan.ledger")


@dataclass(frozen=True, slots=True)
class Report:
    """The result for one tenant: how much was compared, or the first difference."""

    tenant: int
    counts: Counts
    difference: LedgerDifferenceError | None = None

    @property
    def ok(self) -> bool:
        """Whether the stored books are what their entries give."""
        return self.difference is None

    def words(self) -> str:
        """PASS with what was compared, or the first difference and its place."""
        if self.difference is not None:
            return f"FAIL: {self.difference.words}"
        counts = self.counts
        return (
            f"PASS: tenant {self.tenant}, {counts.entries} entries, {counts.accounts} accounts, {counts.lots} lots, "
            f"{counts.holds} holds, {counts.keys} keys"
        )


def verify(session: Session) -> Report:
    """Rebuild the ledger of the session's tenant from its entries and compare everything with it."""
    isolation = session.row(_SQL["isolation"])
    if isolation is None or isolation[0] not in ("repeatable read", "serializable"):
        lock_books(session)
    with ExitStack() as streams:
        try:
            return Report(session.tenant, rebuild(_open(session, streams)))
        except LedgerDifferenceError as difference:
            return Report(session.tenant, Counts(), difference)


def _open(session: Session, streams: ExitStack) -> Books:
    def rows(statement: str, **params: int) -> Iterator[Row]:
        # A difference ends the walk in the middle: cursors are closed here and now, not when memory is collected,
        # for by then the connection may serve somebody else.
        stream = session.stream(_SQL[statement], **params)
        return streams.enter_context(closing(cast("Generator[Row]", stream)))

    return Books(
        tenant=session.tenant,
        head=session.row(_SQL["head"]),
        accounts=rows("every_account"),
        entries=rows("entries_after", after=0),
        takes=rows("every_take"),
        lots=rows("every_lot"),
        holds=rows("every_hold"),
        posted_keys=rows("every_posted_key"),
        keys=(session.row(_SQL["count_keys"]) or (0,))[0],
    )
