"""The open books of one tenant: under the ledger's lock, answers and totals are asked for and batches are posted.

Deliberately not here: decisions (`decide`), reading (`load`) and writing (`store`), and commit, which is the caller's.
Units: points; instants are aware UTC datetimes.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Final

from keyuan.engines.database import Session, load_statements
from keyuan.ledger.canonical import expire_key, first_link, release_key
from keyuan.ledger.decide import decide
from keyuan.ledger.load import earned_on_days, load, load_accounts
from keyuan.ledger.memory import Memory
from keyuan.ledger.model import (
    BATCH_MAX,
    Answer,
    Bucket,
    LedgerCorruptionError,
    LedgerInputError,
    Outcome,
)
from keyuan.ledger.requests import Expire, Request, Void
from keyuan.ledger.state import Head, KeyRow, State
from keyuan.ledger.store import keep

_SQL = load_statements(__package__ or "")
LOCK_ROOM: Final = 0x6C656467  # "ledg": the first half of the advisory lock, the tenant is the second


def lock_books(session: Session) -> None:
    """Be the only writer of this tenant's ledger until the transaction ends; may be called more than once."""
    session.execute(_SQL["lock_books"], room=LOCK_ROOM, tenant=session.tenant)


class OpenBooks:
    """One transaction's hold of the books: nobody else writes them until it ends.

    With a `memory` that is kept from transaction to transaction, accounts are read once and not for each batch.
    """

    def __init__(self, session: Session, memory: Memory | None = None) -> None:
        self.session = session
        self._memory = Memory() if memory is None else memory
        lock_books(session)
        # A statement of its own after the lock: its snapshot must see what the writer before has committed.
        row = session.row(_SQL["head"])
        self._head = Head(0, first_link(session.tenant), 0, 0) if row is None else Head._make(row)
        self._memory.open(self._head.link)
        self._keys: dict[bytes, KeyRow] = {}
        self._asked: set[bytes] = set()
        self._earlier_days: dict[tuple[int, date], int] = {}

    def read(self, keys: Iterable[bytes], brand: str, holders: Iterable[int]) -> None:
        """Read now what awards with these keys to these holders will need."""
        self._ask(set(keys))
        load_accounts(self.session, self._memory, brand, set(holders))

    def answered(self, keys: Iterable[bytes]) -> dict[bytes, Outcome]:
        """The first answers to those of the keys that were used before."""
        wanted = set(keys)
        self._ask(wanted)
        known = [self._keys[key] for key in wanted & self._keys.keys()]
        return {row.key: Outcome(row.key, row.answer, row.seq, row.points, repeated=True) for row in known}

    def earned(self, book: tuple[str, str], pairs: Collection[tuple[int, date]]) -> dict[tuple[int, date], int]:
        """What holders earned on (holder, day) in a book (brand, currency); 0 is left out."""
        memory, (brand, currency) = self._memory, book
        load_accounts(self.session, memory, brand, {holder for holder, _day in pairs})
        available = memory.accounts.of(Bucket.AVAILABLE, brand, currency)
        found: dict[tuple[int, date], int] = {}
        late: dict[tuple[int, date], int] = {}
        for pair in pairs:
            holder, day = pair
            account = available.get(holder)
            latest = None if account is None else account.day
            if account is None or latest is None:
                continue
            if day == latest:
                found[pair] = account.day_points
            elif day < latest:
                late[account.account_id, day] = holder
        if late:
            earlier = earned_on_days(self.session, late)
            self._earlier_days |= earlier
            found |= {(late[account_id, day], day): points for (account_id, day), points in earlier.items()}
        return found

    def post(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer a batch of at most BATCH_MAX requests in order, and write what they change.

        A refusal or a conflict is an answer, not an error; `Outcome.error()` makes one of it. After an error the
        transaction has to be rolled back.

        Raises:
            LedgerInputError: too many requests.
            StaleDayError: an award does not continue its day's total; nothing was written.
            LedgerCorruptionError: the books contradict themselves; nothing was written.
        """
        if len(requests) > BATCH_MAX:
            raise LedgerInputError(f"a batch has at most {BATCH_MAX} requests", requests=len(requests))
        if not requests:
            return []
        self._ask({request.key for request in requests})
        memory, before = self._memory, self._head
        state = State(
            self.session.tenant,
            *before,
            keys=self._keys,
            accounts=memory.accounts,
            by_id=memory.by_id,
            earlier_days=self._earlier_days,
        )
        load(self.session, state, memory, requests)
        memory.begin()
        decisions = decide(state, requests)
        if decisions.keys:
            self._head = state.head
            keep(self.session, decisions, before, self._head)
        memory.stand(self._head.link)
        return decisions.outcomes

    def _ask(self, keys: set[bytes]) -> None:
        new = keys - self._asked
        if new:
            rows = self.session.rows(_SQL["known_keys"], keys=b"".join(new))
            for key, digest, answer, seq, points in rows:
                self._keys[key] = KeyRow(key, digest, Answer(answer), seq, points)
            self._asked |= new


def post(session: Session, requests: Sequence[Request], memory: Memory | None = None) -> list[Outcome]:
    """Open the books for one batch (see `OpenBooks.post`)."""
    return OpenBooks(session, memory).post(requests) if requests else []


def expire_due(session: Session, now: datetime, limit: int = BATCH_MAX) -> int:
    """Expire what is free of the lots that are due at `now`, first due first; how many entries that made.

    Call it again until it returns 0. What is on hold stays, and expires in a later run if it is given back.
    """
    books, tenant = OpenBooks(session), session.tenant
    due = session.rows(_SQL["due_lots"], now=now, limit=min(limit, BATCH_MAX))
    return _all_posted(
        books.post(
            [Expire(key=expire_key(tenant, lot, expired), lot=lot, expired=expired, at=now) for lot, expired in due],
        )
    )


def release_due(session: Session, now: datetime, limit: int = BATCH_MAX) -> int:
    """Give back what is left of the holds whose time is out at `now`; how many entries that made."""
    books, tenant = OpenBooks(session), session.tenant
    due = session.rows(_SQL["due_holds"], now=now, limit=min(limit, BATCH_MAX))
    return _all_posted(books.post([Void(key=release_key(tenant, hold), hold=key, at=now) for hold, key in due]))


def _all_posted(outcomes: Sequence[Outcome]) -> int:
    for outcome in outcomes:
        # Found due under the lock, so neither a repeat nor a refusal is possible; a caller would loop for ever.
        if not outcome.posted or outcome.repeated:
            raise LedgerCorruptionError("what is due cannot be settled", key=outcome.key.hex())
    return len(outcomes)
