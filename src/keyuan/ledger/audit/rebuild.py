"""Rebuilding the books from entries alone, and the first place where what is stored differs. Pure.

Entries are walked in order, with the streams of takes, lots, holds and keys beside them. What is still open is kept in
memory (accounts, lots with points left, open holds); what is used up is compared and let go. Nothing that is stored
is trusted, save as the thing to compare with.
Units: points; instants are aware UTC datetimes.
"""

from keyuan.ledger.audit.books import ABSENT, PRESENT, Beside, Books, Counts, LedgerDifferenceError
from keyuan.ledger.audit.suspect import changed_column, guesses, is_encodable
from keyuan.ledger.audit.tallies import AccountTally, HoldTally, LotTally, Row
from keyuan.ledger.canonical import (
    account_name,
    award_digest,
    budget_digest,
    entry_bytes,
    expire_digest,
    expire_key,
    first_link,
    next_link,
    settle_digest,
    spend_digest,
    takes_digest,
)
from keyuan.ledger.model import BUDGET_KINDS, HOLDER_BUCKETS_END, LEGS, MAY_OWE, Bucket, Entry, Kind

Takes = list[tuple[int, int]]
_BUCKETS = frozenset(map(int, Bucket))
_WITHOUT_TAKES = BUDGET_KINDS | {Kind.AWARD}


def rebuild(books: Books) -> Counts:
    """Rebuild everything and compare; what was compared comes back.

    Raises:
        LedgerDifferenceError: the first difference, with its place in words.
    """
    walk = _Walk(books)
    for row in books.accounts:
        walk.account(row)
    for row in books.entries:
        walk.entry(row)
    return walk.finish()


class _Walk:
    """One walk over the books."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.tenant = tenant = books.tenant
        self.accounts: dict[int, AccountTally] = {}
        self.lots: dict[int, LotTally] = {}
        self.holds: dict[int, HoldTally] = {}
        self.seq = 0
        self.link = first_link(tenant)
        self.takes = Beside("ledger.take", "entry", tenant, books.takes)
        self.stored_lots = Beside("ledger.lot", "lot", tenant, books.lots)
        self.stored_holds = Beside("ledger.hold", "hold", tenant, books.holds)
        self.stored_keys = Beside("ledger.key", "key of entry", tenant, books.posted_keys)

    def account(self, row: Row) -> None:
        """Take in one stored account; what it is must give its name."""
        account = AccountTally(row)
        known = account.bucket in _BUCKETS
        name = account_name(account.bucket, account.holder, *account.book) if known else b""
        if name != account.name:
            place = f"tenant {self.tenant}, account {row[0]}"
            column = "name (of bucket, holder, brand, currency)"
            raise LedgerDifferenceError("ledger.account", place, column, account.name, name)
        if (row[0] > 0) != (account.bucket < HOLDER_BUCKETS_END):
            place = f"tenant {self.tenant}, account {row[0]}"
            raise LedgerDifferenceError("ledger.account", place, "account_id", row[0], "above 0 for holders only")
        if row[0] in self.accounts:
            raise LedgerDifferenceError("ledger.account", f"tenant {self.tenant}, account {row[0]}", "the row", 2, 1)
        self.accounts[row[0]] = account

    def entry(self, row: Row) -> None:
        """Take in the next stored entry: first that it is what was written, then what it does."""
        entry, link = Entry(*row[:-1]), row[-1]
        seq = self.seq + 1
        if entry.seq != seq:
            missing = (ABSENT, PRESENT) if entry.seq > seq else ("there twice", "there once")
            raise self._wrong(min(entry.seq, seq), "the row", *missing)
        self.seq = seq
        takes: Takes = [(lot, points) for _seq, lot, points in self.takes.of(seq)]
        self._check_link(entry, link, takes)
        self._check_takes(entry, takes)
        source, target = self.accounts[entry.source], self.accounts[entry.target]
        self._move(entry, source, target)
        digest = self._apply(entry, source, takes)
        _seq, key, stored_digest, points = self.stored_keys.one(seq)
        self.stored_keys.check(seq, key=(key, entry.key), digest=(stored_digest, digest), points=(points, entry.points))

    def finish(self) -> Counts:
        """Compare what is still open, and the ends of everything."""
        self._check_head()
        for rows in (self.stored_keys, self.stored_lots, self.stored_holds, self.takes):
            rows.finish()
        for number, hold in self.holds.items():
            self.stored_holds.check(number, remaining=(hold.stored, hold.remaining))
        for number, lot in self.lots.items():
            self._compare_lot(number, lot)
            self.accounts[lot.account_id].in_lots += lot.remaining
        for account_id, account in self.accounts.items():
            self._compare_account(account_id, account)
        self._check_lots_cover()
        return Counts(self.seq, len(self.accounts), self.stored_lots.count, self.stored_holds.count, self.books.keys)

    def _place(self, seq: int) -> str:
        return f"tenant {self.tenant}, entry {seq}"

    def _wrong(self, seq: int, column: str, stored: object, rebuilt: object) -> LedgerDifferenceError:
        return LedgerDifferenceError("ledger.entry", self._place(seq), column, stored, rebuilt)

    def _check_link(self, entry: Entry, link: bytes, takes: Takes) -> None:
        for column, account_id in (("source", entry.source), ("target", entry.target)):
            if account_id not in self.accounts:
                raise self._suspect(entry, link, takes) or self._wrong(
                    entry.seq, column, account_id, "an account of ledger.account"
                )
        names = self.accounts[entry.source].name, self.accounts[entry.target].name
        made = next_link(self.link, entry_bytes(self.tenant, entry, *names)) if is_encodable(entry) else ABSENT
        if made != link:
            raise self._suspect(entry, link, takes) or self._wrong(entry.seq, "link (over all columns)", link, made)
        self.link = link

    def _suspect(self, entry: Entry, link: bytes, takes: Takes) -> LedgerDifferenceError | None:
        rows = {
            "key": self.stored_keys.peek(entry.seq),
            "lot": self.stored_lots.peek(entry.seq),
            "hold": self.stored_holds.peek(entry.seq),
        }
        taken = takes_digest(takes) if takes else None
        chain = (self.tenant, self.link, link)
        found = changed_column(entry, guesses(taken, self.accounts, rows), self.accounts, chain)
        if found is None:
            return None
        column, written = found
        return self._wrong(entry.seq, column, getattr(entry, column), written)

    def _check_takes(self, entry: Entry, takes: Takes) -> None:
        moved = sum(points for _lot, points in takes)
        if moved != (0 if entry.kind in _WITHOUT_TAKES else entry.points):
            raise self.takes.wrong(entry.seq, "sum of points", moved, entry.points)
        taken = takes_digest(takes) if takes else None
        if taken != entry.takes:
            raise self.takes.wrong(entry.seq, "digest of lots and points", taken, entry.takes)

    def _move(self, entry: Entry, source: AccountTally, target: AccountTally) -> None:
        if (source.bucket, target.bucket) != LEGS.get(entry.kind) or source.book != target.book:
            buckets = f"{source.bucket} to {target.bucket}"
            raise self._wrong(entry.seq, "source and target", buckets, "accounts of one book that fit the kind")
        if entry.kind in BUDGET_KINDS and source.holder != target.holder:
            raise self._wrong(entry.seq, "source and target", "of two campaigns", "of one campaign")
        source.balance -= entry.points
        target.balance += entry.points
        source.legs += 1
        target.legs += 1
        if source.balance < 0 and source.bucket not in MAY_OWE:
            raise self._wrong(entry.seq, "points", entry.points, f"at most {source.balance + entry.points}")

    def _apply(self, entry: Entry, source: AccountTally, takes: Takes) -> bytes:
        """Do to lots and holds what the entry says; the digest that its key must have comes back."""
        kind, seq = entry.kind, entry.seq
        if kind == Kind.AWARD:
            self.stored_holds.none(seq)
            return self._award(entry)
        self.stored_lots.none(seq)
        if kind == Kind.HOLD:
            return self._hold(entry, source, takes)
        self.stored_holds.none(seq)
        if kind in BUDGET_KINDS:
            return budget_digest(kind, (source.holder, *source.book), entry.points, entry.reference)
        if kind == Kind.REDEEM:
            self._take(entry, entry.source, takes, remaining=-1)
            return spend_digest(kind, (source.holder, *source.book), entry.points, entry.reference)
        if kind == Kind.EXPIRE:
            return self._expire(entry, takes)
        return self._settle(entry, takes)

    def _award(self, entry: Entry) -> bytes:
        seq, account = entry.seq, self.accounts[entry.target]
        row = self.stored_lots.one(seq)
        _lot, account_id, granted, _remaining, _held, _expired, expires_at, at = row
        self.stored_lots.check(
            seq,
            account_id=(account_id, entry.target),
            granted=(granted, entry.points),
            expires_at=(expires_at, entry.expires_at),
            at=(at, entry.at),
        )
        self.lots[seq] = LotTally(row)
        self._count_day(entry, account)
        facts = (account.holder, entry.rule_version, entry.base_minor, entry.extra_minor)
        if None in facts:
            raise self._wrong(seq, "rule_version, base_minor, extra_minor", None, "the terms of the award")
        return award_digest(*(fact or 0 for fact in facts))

    def _count_day(self, entry: Entry, account: AccountTally) -> None:
        day, day_points = entry.day, entry.day_points
        if day is None or day_points is None or (account.day is not None and day < account.day):
            return  # Totals of earlier days are not kept in memory; the link covers them.
        before = account.day_points if day == account.day else 0
        if day_points != before + entry.points:
            raise self._wrong(entry.seq, "day_points", day_points, before + entry.points)
        account.day, account.day_points = day, day_points

    def _hold(self, entry: Entry, source: AccountTally, takes: Takes) -> bytes:
        seq = entry.seq
        row = self.stored_holds.one(seq)
        _hold, key, available_id, account_id, points, _remaining, expires_at = row
        self.stored_holds.check(
            seq,
            key=(key, entry.key),
            available_id=(available_id, entry.source),
            account_id=(account_id, entry.target),
            points=(points, entry.points),
            expires_at=(expires_at, entry.expires_at),
        )
        self.holds[seq] = HoldTally(row)
        self._take(entry, entry.source, takes, held=1)
        return spend_digest(entry.kind, (source.holder, *source.book), entry.points, entry.reference)

    def _settle(self, entry: Entry, takes: Takes) -> bytes:
        hold = self.holds.get(entry.origin or 0)
        if hold is None or hold.account_id != entry.source or hold.remaining < entry.points:
            raise self._wrong(entry.seq, "origin", entry.origin, "an open hold of the source that covers the points")
        captured = entry.kind == Kind.CAPTURE
        self._take(entry, hold.available_id, takes, remaining=-1 if captured else 0, held=-1)
        hold.remaining -= entry.points
        if hold.remaining == 0:
            self.stored_holds.check(entry.origin or 0, remaining=(hold.stored, 0))
            del self.holds[entry.origin or 0]
        return settle_digest(entry.kind, hold.key, entry.points if captured else 0, entry.reference)

    def _expire(self, entry: Entry, takes: Takes) -> bytes:
        number = entry.lot or 0
        lot = self.lots.get(number)
        if lot is None or [taken for taken, _points in takes] != [number]:
            raise self._wrong(entry.seq, "lot", entry.lot, "the one lot that the entry takes from")
        before = lot.expired
        lot.expired += entry.points
        if entry.key != expire_key(self.tenant, number, before):
            raise self._wrong(entry.seq, "key", entry.key, expire_key(self.tenant, number, before))
        self._take(entry, entry.source, takes, remaining=-1)
        return expire_digest(number, before)

    def _take(self, entry: Entry, owner: int, takes: Takes, *, remaining: int = 0, held: int = 0) -> None:
        """Change lots by what was taken, times the signs; a lot that is used up is compared and let go."""
        for number, points in takes:
            lot = self.lots.get(number)
            if lot is None or lot.account_id != owner:
                raise self.takes.wrong(entry.seq, "lot", number, "a lot with points left of the account that gives")
            lot.remaining += remaining * points
            lot.held += held * points
            if not 0 <= lot.held <= lot.remaining:
                raise self.takes.wrong(entry.seq, f"points of lot {number}", points, "no more than the lot has")
            if lot.remaining == 0:
                self._compare_lot(number, lot)
                del self.lots[number]

    def _compare_lot(self, number: int, lot: LotTally) -> None:
        remaining, held, expired = lot.stored
        self.stored_lots.check(
            number, remaining=(remaining, lot.remaining), held=(held, lot.held), expired=(expired, lot.expired)
        )

    def _compare_account(self, account_id: int, account: AccountTally) -> None:
        rebuilt = (account.balance, account.legs, account.day, account.day_points)
        names = ("balance", "legs", "day", "day_points")
        for name, stored, value in zip(names, account.stored, rebuilt, strict=True):
            if stored != value:
                place = f"tenant {self.tenant}, account {account_id}"
                raise LedgerDifferenceError("ledger.account", place, name, stored, value)

    def _check_lots_cover(self) -> None:
        """The lots of an owner are her available and held points together."""
        owned: dict[tuple[int, tuple[str, str]], list[int]] = {}
        for account in self.accounts.values():
            if account.bucket in (Bucket.AVAILABLE, Bucket.HELD):
                sums = owned.setdefault((account.holder, account.book), [0, 0])
                sums[0] += account.balance
                sums[1] += account.in_lots
        for (holder, book), (balance, in_lots) in owned.items():
            if balance != in_lots:
                place = f"tenant {self.tenant}, holder {holder}, {' '.join(book)}"
                raise LedgerDifferenceError("ledger.lot", place, "sum of remaining", in_lots, balance)

    def _check_head(self) -> None:
        seq, link, accounts, keys = self.books.head or (0, first_link(self.tenant), 0, 0)
        if seq > self.seq:
            raise self._wrong(self.seq + 1, "the row", ABSENT, f"{PRESENT}: the head says {seq} entries")
        found = (self.seq, self.link, len(self.accounts), self.books.keys)
        for column, stored, value in zip(
            ("seq", "link", "accounts", "keys"), (seq, link, accounts, keys), found, strict=True
        ):
            if stored != value:
                raise LedgerDifferenceError("ledger.head", f"tenant {self.tenant}", column, stored, value)
