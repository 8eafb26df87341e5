"""Keeping epochs: what a closed epoch commits to is stored whole, in one transaction, before anybody is told of it.

A restart goes on from what is stored: salts, pseudonyms and places are never made twice. Deliberately not here: which
movements there are (`ledger`), closing itself (`epoch`), and the chain.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from keyuan.anchor.epoch import Book, BookState, ClosedEpoch, LedgerState, Standing
from keyuan.anchor.header import RECORD_BYTES, BookRecord, Domain, Header
from keyuan.anchor.leaf import text_digest
from keyuan.anchor.sums import SumNode, sum_leaf
from keyuan.anchor.trees import HASH, Frontier
from keyuan.engines.database import Session, load_statements
from keyuan.kernel.errors import CorruptionError, MissingError

_SQL = load_statements(__package__ or "")
_ALARM_CHARS: Final = 2_000
_LEAF: Final = {"seq": "int8", "entry": "int8", "account": "int8", "hash": "bytea", "body": "bytea"}
_STANDING: Final = {
    "account": "int8", "brand": "text", "currency": "text", "place": "int8", "pseudonym": "bytea",
    "account_seq": "int8", "head": "bytea", "available": "int8", "held": "int8", "pending": "int8", "debt": "int8",
}  # fmt: skip


class NoDomainError(MissingError):
    """This tenant's commitments stand nowhere yet: deploy the contracts first."""


class Post(NamedTuple):
    """The closer's hold of a tenant: where its commitments go, and what is to be closed before it is full."""

    domain: Domain
    paused: bool
    close_through: int
    waiting_since: datetime | None


class Stored(NamedTuple):
    """What closing goes on from, and the last entry of the ledger that has a leaf."""

    state: LedgerState
    last_entry: int


def make_domain(session: Session, domain: Domain) -> None:
    """Keep where a tenant's commitments stand; one that is there stays as it is."""
    session.execute(_SQL["make_domain"], tenant=session.tenant, **domain._asdict())


def lock(session: Session) -> Post:
    """Be the only closer of this tenant until the transaction ends.

    Raises:
        NoDomainError: nothing can be closed yet.
    """
    domain = session.row(_SQL["domain"])
    if domain is None:
        raise NoDomainError
    return Post(Domain(*domain), *_locked(session))


def _locked(session: Session) -> tuple[Any, ...]:
    session.execute(_SQL["begin_closing"], tenant=session.tenant)
    return session.row(_SQL["lock_closing"]) or ()


def wait_since(session: Session, since: datetime | None) -> None:
    """Note since when a movement has been waiting for its epoch."""
    session.execute(_SQL["wait_since"], since=since)


def pause(session: Session, *, paused: bool) -> None:
    """Close by count only, or go on closing what has waited for long enough."""
    _locked(session)
    session.execute(_SQL["pause"], paused=paused)


def close_through(session: Session, entry: int) -> None:
    """Have everything closed soon that comes no later than an entry of the ledger, however little it is."""
    _locked(session)
    session.execute(_SQL["close_through"], entry=entry)


def raise_alarm(session: Session, alarm: str | None) -> None:
    """Keep what anchoring stopped at; None when it goes on."""
    _locked(session)
    session.execute(_SQL["raise_alarm"], alarm=None if alarm is None else alarm[:_ALARM_CHARS])


def add_contract(session: Session, name: str, address: bytes) -> None:
    """Keep where a contract stands for good."""
    session.execute(_SQL["add_contract"], tenant=session.tenant, name=name, address=address)


def note_anchored(session: Session, epoch: int, transaction: bytes, block_number: int, gas_used: int) -> None:
    """Keep that an epoch's commitment is final on the chain; told again it is kept once."""
    session.execute(
        _SQL["note_anchored"],
        tenant=session.tenant,
        epoch=epoch,
        transaction=transaction,
        block_number=block_number,
        gas_used=gas_used,
    )


def add_terms(session: Session, contract: bytes, version: int, terms_hash: bytes) -> bool:
    """Take a version of terms into the chain of those that are known; tell whether it is new."""
    values = {"tenant": session.tenant, "contract": contract, "version": version, "terms_hash": terms_hash}
    return session.execute(_SQL["add_terms"], **values) > 0


def new_terms(session: Session, after: int) -> list[bytes]:
    """Return the digests of versions that became known after the first so many."""
    return [terms_hash for (terms_hash,) in session.rows(_SQL["terms_hashes"], after=after)]


def last_epoch(session: Session) -> int:
    """Return the number of the last epoch that is stored; 0 before the first."""
    row = session.row(_SQL["last_number"])
    return row[0] if row else 0


def load_state(session: Session, domain: Domain) -> Stored:
    """Return the state after the last epoch that is stored.

    Raises:
        CorruptionError: what is stored of the books is not what the header commits to.
    """
    state = LedgerState(domain)
    row = session.row(_SQL["last_epoch"])
    if row is None:
        return Stored(state, 0)
    body, commitment, records, frontier, last_entry = row
    header = Header.decode(body)
    state.epoch, state.commitment = header.epoch, commitment
    state.terms, state.terms_head = header.terms, header.terms_head
    nodes = tuple(frontier[start : start + HASH] for start in range(0, len(frontier), HASH))
    state.log = Frontier(header.last_seq, nodes)
    _load_books(session, state, {record[1:65]: BookRecord.decode(record) for record in _cut(records)})
    if header.commitment() != commitment or state.log.root() != header.log_root:
        raise CorruptionError("the last epoch is not what its header commits to", epoch=header.epoch)
    return Stored(state, last_entry)


def _load_books(session: Session, state: LedgerState, records: Mapping[bytes, BookRecord]) -> None:
    leaves: dict[Book, list[SumNode]] = {}
    for account, brand, currency, place, pseudonym, account_seq, head, *sums in session.rows(_SQL["standings"]):
        available, held, pending, debt = sums
        balances = (available, held, pending, debt)
        state.standings[account] = Standing(pseudonym, place, account_seq, head, balances)
        leaves.setdefault((brand, currency), []).append(sum_leaf(head, balances))
    for book, nodes in leaves.items():
        record = records.get(text_digest(book[0]) + text_digest(book[1]))
        if record is None:
            raise CorruptionError("a book has accounts and no record", brand=book[0], currency=book[1])
        state.books[book] = BookState(nodes, record.since)
        if state.books[book].tree.root != record.root:
            raise CorruptionError("the accounts of a book are not what its record sums up", brand=book[0])
    if len(leaves) != len(records):
        raise CorruptionError("a book has a record and no accounts")


def keep_epoch(session: Session, closed: ClosedEpoch, movements: Sequence[tuple[int, int, Book]]) -> None:
    """Store a closed epoch; `movements` are (entry, account, book) of its leaves, in order."""
    rows = [
        (leaf.seq, entry, account, leaf_hash, body)
        for leaf, leaf_hash, body, (entry, account, _book) in zip(
            closed.leaves, closed.hashes, closed.bodies, movements, strict=True
        )
    ]
    session.stage("anchor_leaf", _LEAF, rows, narrow=True)
    session.execute(_SQL["add_leaves"], tenant=session.tenant)
    books = {account: book for _entry, account, book in movements}
    session.stage(
        "anchor_standing",
        _STANDING,
        [
            (account, *books[account], each.place, each.pseudonym, each.account_seq, each.head, *each.balances)
            for account, each in closed.standings.items()
        ],
        narrow=True,
    )
    session.execute(_SQL["keep_standings"], tenant=session.tenant)
    session.execute(
        _SQL["add_epoch"],
        tenant=session.tenant,
        epoch=closed.header.epoch,
        header=closed.header.encode(),
        commitment=closed.commitment,
        records=b"".join(sorted(record.encode() for record in closed.records.values())),
        frontier=b"".join(closed.log.nodes),
        last_entry=movements[-1][0],
        salt=closed.salt,
    )


def note_passed(session: Session, epoch: int, awards: int) -> None:
    """Keep that an epoch has passed the gate, with so many awards computed again; told again it is kept once."""
    session.execute(_SQL["note_passed"], tenant=session.tenant, epoch=epoch, awards=awards)


def destroy_bodies(session: Session, accounts: Sequence[int]) -> int:
    """Destroy the leaves of accounts, salts and all; hashes stay, and with them the proofs of everybody else."""
    return session.execute(_SQL["destroy_bodies"], accounts=list(accounts))


def all_standings(session: Session) -> dict[int, tuple[Any, ...]]:
    """Return where accounts stand: brand, currency, place, pseudonym, number of leaves, last hash, four balances."""
    return {account: tuple(rest) for account, *rest in session.rows(_SQL["standings"])}


def _cut(records: bytes) -> list[bytes]:
    return [records[start : start + RECORD_BYTES] for start in range(0, len(records), RECORD_BYTES)]
