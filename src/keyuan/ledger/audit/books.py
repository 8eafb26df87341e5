"""What is stored of a tenant's ledger, read in the order of its entries, and how a difference is told.

Pure: rows come from anywhere (`verify` streams them from the database). Deliberately not here: what entries do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from keyuan.ledger.model import LedgerCorruptionError

Row = tuple[Any, ...]
ABSENT: Final = "absent"
PRESENT: Final = "present"


class LedgerDifferenceError(LedgerCorruptionError):
    """The stored books differ from what their entries give."""

    def __init__(self, table: str, place: str, column: str, stored: object, rebuilt: object) -> None:
        self.table, self.place, self.column = table, place, column
        self.stored, self.rebuilt = _shown(stored), _shown(rebuilt)
        self.words = f"{table}, {place}: {column} is {self.stored}, must be {self.rebuilt}"
        super().__init__(f"The books differ: {self.words}.")


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All that is stored of one tenant's ledger: `head` is (seq, link, accounts, keys), the rest ordered rows.

    accounts: (account_id, bucket, holder, brand, currency, name, balance, legs, day, day_points)
    entries: the fields of `Entry`, then the link, by seq
    takes: (seq, lot, points), by seq and lot
    lots: (lot, account_id, granted, remaining, held, expired, expires_at, at), by lot
    holds: (hold, key, available_id, account_id, points, remaining, expires_at), by hold
    posted_keys: (seq, key, digest, points) of the keys that were answered with an entry, by seq
    keys: how many keys there are, those without an entry too
    """

    tenant: int
    head: Row | None
    accounts: Iterable[Row]
    entries: Iterable[Row]
    takes: Iterable[Row]
    lots: Iterable[Row]
    holds: Iterable[Row]
    posted_keys: Iterable[Row]
    keys: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was compared."""

    entries: int = 0
    accounts: int = 0
    lots: int = 0
    holds: int = 0
    keys: int = 0


class Beside:
    """A stream of rows that belong to entries by their first column, read in step with the entries."""

    def __init__(self, table: str, label: str, tenant: int, rows: Iterable[Row]) -> None:
        self.count = 0
        self._table, self._label, self._tenant = table, label, tenant
        self._rows: Iterator[Row] = iter(rows)
        self._next: Row | None = next(self._rows, None)

    def of(self, seq: int) -> list[Row]:
        """The rows of this entry. A row of an earlier number belongs to no entry."""
        found: list[Row] = []
        while self._next is not None and self._next[0] <= seq:
            if self._next[0] < seq:
                raise self._stray(self._next[0])
            found.append(self._next)
            self.count += 1
            self._next = next(self._rows, None)
        return found

    def one(self, seq: int) -> Row:
        """The one row that this entry must have."""
        found = self.of(seq)
        if not found:
            raise self.wrong(seq, "the row", ABSENT, PRESENT)
        if len(found) > 1:
            raise self.wrong(seq, "the row", f"there {len(found)} times", "there once")
        return found[0]

    def peek(self, seq: int) -> Row | None:
        """The next row if it is this entry's; it stays next."""
        return self._next if self._next is not None and self._next[0] == seq else None

    def none(self, seq: int) -> None:
        """This entry must have no row here."""
        if self._next is not None and self._next[0] <= seq:
            raise self._stray(self._next[0])

    def finish(self) -> None:
        """No row may be left over."""
        if self._next is not None:
            raise self._stray(self._next[0])

    def wrong(self, seq: int, column: str, stored: object, rebuilt: object) -> LedgerDifferenceError:
        """A difference in the row of this number."""
        place = f"tenant {self._tenant}, {self._label} {seq}"
        return LedgerDifferenceError(self._table, place, column, stored, rebuilt)

    def check(self, seq: int, **columns: tuple[object, object]) -> None:
        """Each column given as (stored, rebuilt) must agree."""
        for column, (stored, rebuilt) in columns.items():
            if stored != rebuilt:
                raise self.wrong(seq, column, stored, rebuilt)

    def _stray(self, seq: int) -> LedgerDifferenceError:
        return self.wrong(seq, "the row", PRESENT, "absent: no entry made it")
