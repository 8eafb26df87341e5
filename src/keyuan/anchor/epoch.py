"""Closing an epoch: movements of the ledger become leaves, trees and a header. Pure, and the same again from the same.

`close` computes and changes nothing; when everything that it returned is stored, `advance` takes it over into the
state. Random salts and pseudonyms are given, and have to be stored with the leaves: a restart uses what is stored.
Deliberately not here: which movements belong to an epoch, where the state is kept, the chain, and whether an award is
right (the contract's code says that).
Units: points are whole; instants are microseconds since 1970; a day is days since 1970-01-01.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keyuan.anchor.header import BookRecord, Domain, Flows, Header, books_digest, entries_digest, terms_head
from keyuan.anchor.leaf import NO_DIGEST, Leaf, encode, leaf_hash, salted_reference, text_digest
from keyuan.anchor.sums import SumNode, SumPatch, Sums, SumTree, sum_leaf
from keyuan.anchor.trees import Frontier, root_of
from keyuan.kernel.errors import CorruptionError
from keyuan.ledger.model import LEGS, POINT_KINDS, Bucket

_SUMMED: Final = (Bucket.AVAILABLE, Bucket.HELD, Bucket.PENDING, Bucket.DEBT)
_FLOWS: Final = (Bucket.ISSUED, Bucket.REDEEMED, Bucket.EXPIRED)
Book = tuple[str, str]
"""Brand and currency, by name."""


class EpochError(CorruptionError):
    """These movements do not go on from this state; nothing was closed."""


class Movement(NamedTuple):
    """The holder's side of one entry of the ledger. `account` is any number that stands for holder and book for ever.

    `points` is above zero; the kind says from where to where they went.
    """

    at_us: int
    kind: int
    account: int
    brand: str
    currency: str
    points: int
    rule: str | None = None
    rule_version: int | None = None
    base_minor: int | None = None
    extra_minor: int | None = None
    day: int | None = None
    day_points: int | None = None
    expires_at_us: int | None = None
    reference: bytes | None = None


class Standing(NamedTuple):
    """Where an account stands after its newest leaf; `place` is its leaf in the sum tree of its book."""

    pseudonym: bytes
    place: int
    account_seq: int
    head: bytes
    balances: Sums


class BookState:
    """One book: the balances of everybody in it, and what came and went since the beginning."""

    def __init__(self, leaves: Sequence[SumNode] = (), since: Flows | None = None) -> None:
        self.tree = SumTree(leaves)
        self.since = since or Flows()


@dataclass
class LedgerState:
    """What closing the next epoch needs of all before it; only `advance` changes it."""

    domain: Domain
    epoch: int = 0
    commitment: bytes = NO_DIGEST
    log: Frontier = field(default_factory=Frontier)
    terms: int = 0
    terms_head: bytes = NO_DIGEST
    books: dict[Book, BookState] = field(default_factory=dict[Book, BookState])
    standings: dict[int, Standing] = field(default_factory=dict[int, Standing])


class Fresh(NamedTuple):
    """What is new and random: a salt for each movement, a pseudonym for each new account, a salt for the epoch."""

    salts: Sequence[bytes]
    pseudonyms: Mapping[int, bytes]
    salt: bytes


class Since(NamedTuple):
    """What else an epoch takes up, from other rooms: the link of its last entry, digests of newly known terms."""

    link: bytes
    terms: Sequence[bytes] = ()


class ClosedEpoch(NamedTuple):
    """One epoch: what is to be stored and anchored, and what `advance` takes over."""

    header: Header
    commitment: bytes
    salt: bytes
    leaves: list[Leaf]
    bodies: list[bytes]
    hashes: list[bytes]
    records: dict[Book, BookRecord]
    standings: dict[int, Standing]
    patches: dict[Book, SumPatch]
    log: Frontier


def close(
    state: LedgerState, movements: Sequence[Movement], fresh: Fresh, closed_at_us: int, since: Since
) -> ClosedEpoch:
    """Return the next epoch: these movements, in the order of the ledger.

    Raises:
        EpochError: there is no movement, a salt or pseudonym is missing, or a balance would fall below zero.
    """
    _check_fresh(movements, fresh)
    closing = _Closing(state, fresh)
    for movement, salt in zip(movements, fresh.salts, strict=True):
        closing.add(movement, salt)
    patches = {book: closing.book(book).tree.patch(places) for book, places in closing.places().items()}
    records = _records(state, patches, closing.flows)
    lines = sorted(record.line() for record in records.values())
    log = state.log.extended(closing.hashes)
    header = Header(
        *state.domain,
        epoch=state.epoch + 1,
        first_seq=state.log.size + 1,
        last_seq=log.size,
        batch_root=root_of(closing.hashes),
        log_root=log.root(),
        books=len(lines),
        books_digest=books_digest(lines),
        terms=state.terms + len(since.terms),
        terms_head=terms_head(since.terms, state.terms_head),
        entries=entries_digest(fresh.salt, since.link),
        previous=state.commitment,
        closed_at_us=closed_at_us,
    )
    return ClosedEpoch(
        header,
        header.commitment(),
        fresh.salt,
        closing.leaves,
        closing.bodies,
        closing.hashes,
        records,
        closing.standings,
        patches,
        log,
    )


def advance(state: LedgerState, closed: ClosedEpoch) -> None:
    """Take a closed epoch over into the state it was closed on.

    Raises:
        EpochError: it was closed on another state.
    """
    header = closed.header
    if header.epoch != state.epoch + 1 or header.previous != state.commitment:
        raise EpochError("This epoch does not follow the state's.", epoch=header.epoch, state=state.epoch)
    state.epoch, state.commitment, state.log = header.epoch, closed.commitment, closed.log
    state.terms, state.terms_head = header.terms, header.terms_head
    state.standings |= closed.standings
    for book, patch in closed.patches.items():
        state.books.setdefault(book, BookState()).tree.apply(patch)
    for book, record in closed.records.items():
        state.books[book].since = record.since


def _check_fresh(movements: Sequence[Movement], fresh: Fresh) -> None:
    if not movements:
        raise EpochError("An epoch has at least one movement.")
    if len(fresh.salts) != len(movements) or len(set(fresh.salts)) != len(movements):
        raise EpochError("Each movement needs a salt of its own.", movements=len(movements))
    if len(set(fresh.pseudonyms.values())) != len(fresh.pseudonyms):
        raise EpochError("Two accounts share a pseudonym.")


def _signs(kind: int, buckets: Iterable[int]) -> tuple[int, ...]:
    source, target = LEGS[kind]
    return tuple((bucket == target) - (bucket == source) for bucket in buckets)


BALANCE_SIGNS: Final[dict[int, tuple[int, ...]]] = {kind: _signs(kind, _SUMMED) for kind in POINT_KINDS}
"""What a movement of each kind does to available, held, pending and debt."""
# Points are issued where they leave the brand, redeemed and expired where they come back.
_FLOW_SIGNS: Final[dict[int, tuple[int, ...]]] = {
    kind: tuple(abs(sign) for sign in _signs(kind, _FLOWS)) for kind in POINT_KINDS
}


class _Closing:
    """An epoch in the making: leaves one after the other, on top of a state that stays as it is."""

    def __init__(self, state: LedgerState, fresh: Fresh) -> None:
        self._state, self._pseudonyms = state, fresh.pseudonyms
        self._seq = state.log.size
        self._digests: dict[Book, tuple[bytes, bytes]] = {}
        self._rules: dict[str, bytes] = {}
        self._books: dict[Book, BookState] = {}
        self._new_places: dict[Book, int] = {}
        self._touched: dict[Book, set[int]] = {}
        self.flows: dict[Book, list[int]] = {}
        self.standings: dict[int, Standing] = {}
        self.leaves: list[Leaf] = []
        self.bodies: list[bytes] = []
        self.hashes: list[bytes] = []

    def book(self, book: Book) -> BookState:
        """Return a book as it was before this epoch."""
        return self._books[book]

    def places(self) -> dict[Book, dict[int, SumNode]]:
        """Return the leaves of the sum trees that changed, by book and place."""
        standings = self.standings
        return {
            book: {standings[each].place: sum_leaf(standings[each].head, standings[each].balances) for each in accounts}
            for book, accounts in self._touched.items()
        }

    def add(self, movement: Movement, salt: bytes) -> None:
        """Make the leaf of the next movement."""
        (at_us, kind, account, brand, currency, points, rule, rule_version, base_minor, extra_minor, day, day_points,
         expires_at_us, reference) = movement  # fmt: skip
        book = (brand, currency)
        if book not in self._touched:
            self._open(book)
        pseudonym, place, account_seq, head, before = (
            self.standings.get(account) or self._state.standings.get(account) or self._joined(account, book)
        )
        signs = BALANCE_SIGNS[kind]
        balances = (
            before[0] + signs[0] * points,
            before[1] + signs[1] * points,
            before[2] + signs[2] * points,
            before[3] + signs[3] * points,
        )
        if points <= 0 or min(balances) < 0:
            raise EpochError("A movement takes more than there is.", account=account, leaf=self._seq + 1)
        self._seq += 1
        self._touched[book].add(account)
        flows, flow_signs = self.flows[book], _FLOW_SIGNS[kind]
        flows[0] += flow_signs[0] * points
        flows[1] += flow_signs[1] * points
        flows[2] += flow_signs[2] * points
        leaf = Leaf(
            kind, self._seq, at_us, pseudonym, *self._digests[book], signs[0] * points, *balances, account_seq + 1,
            head, salt, None if rule is None else self._rule(rule), rule_version, base_minor, extra_minor, day,
            day_points, expires_at_us, None if reference is None else salted_reference(salt, reference),
        )  # fmt: skip
        body = encode(leaf)
        head = leaf_hash(body)
        self.standings[account] = Standing(pseudonym, place, account_seq + 1, head, balances)
        self.leaves.append(leaf)
        self.bodies.append(body)
        self.hashes.append(head)

    def _open(self, book: Book) -> None:
        state = self._state.books.get(book) or BookState()
        self._books[book], self._new_places[book] = state, state.tree.size
        self._touched[book], self.flows[book] = set(), [0, 0, 0]
        self._digests[book] = (text_digest(book[0]), text_digest(book[1]))

    def _joined(self, account: int, book: Book) -> Standing:
        pseudonym = self._pseudonyms.get(account)
        if pseudonym is None:
            raise EpochError("An account without a leaf needs a pseudonym.", account=account)
        place = self._new_places[book]
        self._new_places[book] += 1
        return Standing(pseudonym, place, 0, NO_DIGEST, (0, 0, 0, 0))

    def _rule(self, rule: str) -> bytes:
        digest = self._rules.get(rule)
        if digest is None:
            digest = self._rules[rule] = text_digest(rule)
        return digest


def _records(
    state: LedgerState, patches: Mapping[Book, SumPatch], flows: Mapping[Book, Sequence[int]]
) -> dict[Book, BookRecord]:
    """Return the records of all books, also of those without a movement."""
    records: dict[Book, BookRecord] = {}
    for book in [*state.books, *(book for book in patches if book not in state.books)]:
        known = state.books.get(book) or BookState()
        epoch = Flows(*flows.get(book, ()))
        since = known.since.plus(epoch)
        size, root = patches[book][:2] if book in patches else (known.tree.size, known.tree.root)
        if since.issued - since.redeemed - since.expired != root.available + root.held + root.pending - root.debt:
            raise EpochError("What came and went is not what is there.", brand=book[0], currency=book[1])
        records[book] = BookRecord(text_digest(book[0]), text_digest(book[1]), size, root, epoch, since)
    return records
