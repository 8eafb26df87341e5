"""Checking a tenant's ledger as it stands: every balance, lot, hold and key rebuilt from entries alone.

In a transaction with one snapshot (repeatable read) nobody waits for it; in any other it takes the ledger's lock, so
that what it reads stream by stream belongs together. What the rebuild cannot see is a history that was rewritten
from some entry to the head with all links made anew: that is what anchors are for.
"""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import cast

from keyuan.engines.database import Row, Session, ValueRefusedError, load_statements
from keyuan.ledger.audit.books import Books, Counts, LedgerDifferenceError
from keyuan.ledger.audit.rebuild import rebuild
from keyuan.ledger.books import lock_books

_SQL = {**load_statements("keyuan.ledger"), **load_statements("keyuan.ledger.audit")}


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
    try:
        with ExitStack() as streams:
            counts = rebuild(_open(session, streams))
        _check_unposted_keys(session)
    except LedgerDifferenceError as difference:
        return Report(session.tenant, Counts(), difference)
    except ValueRefusedError:
        return Report(session.tenant, Counts(), _odd_instant(session))
    return Report(session.tenant, counts)


def _check_unposted_keys(session: Session) -> None:
    """A key without an entry has only itself to be compared with."""
    found = session.row(_SQL["changed_key"])
    if found is not None:
        key, stored, rebuilt, names_entry = found
        place = f"tenant {session.tenant}, key {key.hex()}"
        if names_entry:
            raise LedgerDifferenceError("ledger.key", place, "seq and points", "an entry's", "of no entry")
        raise LedgerDifferenceError("ledger.key", place, "self (of key, digest, answer)", stored, rebuilt)


def _odd_instant(session: Session) -> LedgerDifferenceError:
    """Something stored could not even be read: an infinite instant, say. Its place comes back.

    Raises:
        ValueRefusedError: it is none of the instants.
    """
    found = session.row(_SQL["odd_instant"])
    if found is None:
        raise ValueRefusedError
    table, number, column = found
    label = {"ledger.entry": "entry", "ledger.account": "account", "ledger.lot": "lot"}.get(table, "hold")
    place = f"tenant {session.tenant}, {label} {number}"
    return LedgerDifferenceError(table, place, column, "not readable", "a date within the calendar")


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
