"""Checking the stored epochs of a tenant: what stands in leaves, records and headers is what the ledger's entries give.

A second way to the same bytes, step by step and without `epoch`: balances from the entries, hashes from the leaves,
roots from the hashes. A leaf whose body was destroyed is taken by its hash; its points still count. Deliberately not
here: whether the chain holds these commitments (`flows.verify` asks it), and the ledger itself.

What no leaf says, an entry's key and which lots it took from, is in its link, and that is in the header.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

from keyuan import ledger
from keyuan.anchor import reads
from keyuan.anchor.header import BookLine, BookRecord, Domain, Flows, books_digest, entries_digest, terms_head
from keyuan.anchor.leaf import NO_DIGEST, Leaf, encode, leaf_hash, salted_reference, text_digest
from keyuan.anchor.store import all_standings
from keyuan.anchor.sums import SumNode, Sums, SumTree, sum_leaf
from keyuan.anchor.trees import Frontier, root_of
from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import EPOCH_DAY, to_us
from keyuan.kernel.errors import CorruptionError, InputError
from keyuan.ledger import HolderLeg, Kind

_SQL = load_statements(__package__ or "")
_BATCH = 10_000
_PSEUDONYM = slice(20, 52)
_SALT = slice(308, 340)
# What a kind does to available and held points, and to what was issued, redeemed and expired.
_EFFECTS: dict[int, tuple[int, int, int, int, int]] = {
    Kind.AWARD: (1, 0, 1, 0, 0),
    Kind.REDEEM: (-1, 0, 0, 1, 0),
    Kind.HOLD: (-1, 1, 0, 0, 0),
    Kind.CAPTURE: (0, -1, 0, 1, 0),
    Kind.VOID: (1, -1, 0, 0, 0),
    Kind.EXPIRE: (-1, 0, 0, 0, 1),
}
Book = tuple[str, str]


class EpochDifferenceError(CorruptionError):
    """What is stored of an epoch is not what the ledger's entries give; `where` names the place."""

    def __init__(self, where: str, what: str) -> None:
        self.where, self.what = where, what
        super().__init__(f"{where}: {what}", where=where, what=what)


@dataclass(slots=True)
class _Account:
    """One account as the walk has it."""

    book: Book
    place: int
    pseudonym: bytes | None = None
    head: bytes = NO_DIGEST
    count: int = 0
    available: int = 0
    held: int = 0

    def sums(self) -> Sums:
        return (self.available, self.held, 0, 0)


@dataclass
class _Walk:
    """Everything after the epochs so far."""

    domain: Domain
    accounts: dict[int, _Account] = field(default_factory=dict[int, _Account])
    places: dict[Book, int] = field(default_factory=dict[Book, int])
    trees: dict[Book, SumTree] = field(default_factory=dict[Book, SumTree])
    since: dict[Book, Flows] = field(default_factory=dict[Book, Flows])
    log: Frontier = field(default_factory=Frontier)
    commitment: bytes = NO_DIGEST
    terms: int = 0
    head: bytes = NO_DIGEST
    last_entry: int = 0
    awards: int = 0
    """Of the newest epoch; of these, `unseen_awards` have lost their bodies."""
    unseen_awards: int = 0


def check_epochs(session: Session) -> reads.Counts:
    """Walk all epochs, and return how much was compared.

    Raises:
        EpochDifferenceError: the first difference, and its place.
    """
    domain, stored = reads.domain(session), _epochs(session)
    if domain is None:
        _check_nothing(session, stored)
        return reads.Counts(0, 0)
    walk = _Walk(domain)
    terms = [terms_hash for _contract, _version, terms_hash in _terms(session)]
    edges, passed = session.rows(_SQL["edges"]), dict[int, int](session.rows(_SQL["every_passed"]))
    links = ledger.links_of(session, [last_entry for _epoch, _frontier, last_entry, _salt in edges])
    leaves, legs = reads.leaves(session), _legs(session)
    for number, (epoch, edge) in enumerate(zip(stored, edges, strict=True), 1):
        _check_epoch(walk, number, epoch, (leaves, legs), terms)
        _check_edge(walk, epoch, edge, links.get(walk.last_entry, b""))
        _check_passed(walk, number, passed.pop(number, None))
    if next(leaves, None) is not None:
        raise EpochDifferenceError("leaves", "there are more than epochs take")
    if passed:
        raise EpochDifferenceError(f"epoch {min(passed)}", "its awards were computed again, and it is not stored")
    _check_standings(session, walk)
    return reads.Counts(walk.log.size, len(stored))


def check_terms(session: Session) -> dict[bytes, list[bytes]]:
    """Return the digests of all versions of terms by their contract, in order.

    Raises:
        EpochDifferenceError: a place or a version is left out.
    """
    found: dict[bytes, list[bytes]] = {}
    for contract, version, terms_hash in _terms(session):
        hashes = found.setdefault(contract, [])
        hashes.append(terms_hash)
        if version != len(hashes):
            raise EpochDifferenceError("terms", f"version {version} of 0x{contract.hex()} is not the next")
    return found


def _terms(session: Session) -> list[tuple[bytes, int, bytes]]:
    found: list[tuple[bytes, int, bytes]] = []
    for place, contract, version, terms_hash in session.rows(_SQL["every_terms"]):
        found.append((contract, version, terms_hash))
        if place != len(found):
            raise EpochDifferenceError("terms", f"place {place} is not the next")
    return found


def _epochs(session: Session) -> list[reads.StoredEpoch]:
    try:
        return reads.epochs(session)
    except InputError as error:
        raise EpochDifferenceError("epochs", f"one has bytes that are none of ours: {error.message}") from error


def _check_nothing(session: Session, stored: Sequence[reads.StoredEpoch]) -> None:
    """Without a domain there was never anything to commit to."""
    if stored or all_standings(session) or next(reads.leaves(session), None) is not None or _terms(session):
        raise EpochDifferenceError("domain", "there are epochs, leaves or terms, and nobody says where they belong")


def _legs(session: Session) -> Iterator[HolderLeg]:
    after = 0
    while batch := ledger.holder_legs(session, after, _BATCH):
        yield from batch
        after = batch[-1].seq


def _check_epoch(
    walk: _Walk,
    number: int,
    epoch: reads.StoredEpoch,
    streams: tuple[Iterator[reads.StoredLeaf], Iterator[HolderLeg]],
    terms: list[bytes],
) -> None:
    where, header = f"epoch {number}", epoch.header
    if (header.epoch, header.first_seq, header.previous) != (number, walk.log.size + 1, walk.commitment):
        raise EpochDifferenceError(where, "it does not follow the one before")
    if (header.chain_id, header.contract, header.ledger) != walk.domain or header.commitment() != epoch.commitment:
        raise EpochDifferenceError(where, "its commitment is not that of its header")
    count = header.last_seq - header.first_seq + 1
    pairs = list(zip(islice(streams[0], count), islice(streams[1], count), strict=False))
    if len(pairs) != count:
        raise EpochDifferenceError(where, "leaves or entries are missing")
    flows: dict[Book, Flows] = {}
    changed: dict[Book, dict[int, SumNode]] = {}
    walk.awards = walk.unseen_awards = 0
    for leaf, leg in pairs:
        _check_leaf(walk, leaf, leg)
        account, effect = walk.accounts[leg.account], _EFFECTS[leg.kind]
        moved = Flows(*(sign * leg.points for sign in effect[2:]))
        flows[account.book] = flows.get(account.book, Flows()).plus(moved)
        changed.setdefault(account.book, {})[account.place] = sum_leaf(account.head, account.sums())
    hashes = [leaf.hash for leaf, _leg in pairs]
    walk.log = walk.log.extended(hashes)
    if root_of(hashes) != header.batch_root or walk.log.root() != header.log_root:
        raise EpochDifferenceError(where, "its roots are not those of its leaves")
    _check_books(walk, where, epoch, flows, changed)
    _check_terms(walk, where, epoch, terms)
    walk.commitment = epoch.commitment


def _check_leaf(walk: _Walk, leaf: reads.StoredLeaf, leg: HolderLeg) -> None:
    where = f"leaf {leaf.seq}"
    if (leaf.entry, leaf.account) != (leg.seq, leg.account):
        raise EpochDifferenceError(where, f"it stands for entry {leaf.entry}, and entry {leg.seq} is next")
    if leg.kind not in _EFFECTS:
        raise EpochDifferenceError(where, f"its entry is of kind {leg.kind}, which nobody knows")
    book = (leg.brand, leg.currency)
    account = walk.accounts.get(leg.account)
    if account is None:
        place = walk.places[book] = walk.places.get(book, -1) + 1
        account = walk.accounts[leg.account] = _Account(book, place)
    available, held, *_ = _EFFECTS[leg.kind]
    account.available += available * leg.points
    account.held += held * leg.points
    account.count += 1
    if leaf.body is not None:
        if leaf_hash(leaf.body) != leaf.hash:
            raise EpochDifferenceError(where, "its hash is not that of its body")
        pseudonym = leaf.body[_PSEUDONYM]
        if account.pseudonym not in (None, pseudonym) or _expected(leaf, leg, account, pseudonym) != leaf.body:
            raise EpochDifferenceError(where, "its body is not what its entry gives")
        account.pseudonym = pseudonym
    account.head = leaf.hash
    walk.last_entry = leg.seq
    walk.awards += leg.kind == Kind.AWARD
    walk.unseen_awards += leg.kind == Kind.AWARD and leaf.body is None


def _expected(leaf: reads.StoredLeaf, leg: HolderLeg, account: _Account, pseudonym: bytes) -> bytes:
    salt = (leaf.body or b"")[_SALT]
    return encode(
        Leaf(
            kind=leg.kind,
            seq=leaf.seq,
            at_us=to_us(leg.at),
            account=pseudonym,
            brand=text_digest(leg.brand),
            currency=text_digest(leg.currency),
            delta=_EFFECTS[leg.kind][0] * leg.points,
            available=account.available,
            held=account.held,
            pending=0,
            debt=0,
            account_seq=account.count,
            previous=account.head,
            salt=salt,
            rule=None if leg.rule is None else text_digest(leg.rule),
            rule_version=leg.rule_version,
            base_minor=leg.base_minor,
            extra_minor=leg.extra_minor,
            day=_day(leg.day),
            day_points=leg.day_points,
            expires_at_us=None if leg.expires_at is None else to_us(leg.expires_at),
            reference=None if leg.reference is None else salted_reference(salt, leg.reference),
        )
    )


def _day(day: date | None) -> int | None:
    return None if day is None else day.toordinal() - EPOCH_DAY


def _check_edge(walk: _Walk, epoch: reads.StoredEpoch, edge: tuple[int, bytes, int, bytes], link: bytes) -> None:
    number = epoch.header.epoch
    if edge[:3] != (number, b"".join(walk.log.nodes), walk.last_entry):
        raise EpochDifferenceError(f"epoch {number}", "the next one would not go on from where it ends")
    if entries_digest(edge[3], link) != epoch.header.entries:
        raise EpochDifferenceError(f"epoch {number}", "its entries are not those that it commits to")


def _check_passed(walk: _Walk, number: int, awards: int | None) -> None:
    """What was destroyed before an epoch came to the gate was not computed again."""
    if awards is not None and not walk.awards - walk.unseen_awards <= awards <= walk.awards:
        raise EpochDifferenceError(f"epoch {number}", "it has another number of awards than were computed again")


def _check_books(
    walk: _Walk,
    where: str,
    epoch: reads.StoredEpoch,
    flows: dict[Book, Flows],
    changed: dict[Book, dict[int, SumNode]],
) -> None:
    for book, nodes in changed.items():
        tree = walk.trees.setdefault(book, SumTree())
        tree.apply(tree.patch(nodes))
        walk.since[book] = walk.since.get(book, Flows()).plus(flows[book])
    records = [
        BookRecord(
            text_digest(book[0]), text_digest(book[1]), tree.size, tree.root, flows.get(book, Flows()), walk.since[book]
        )
        for book, tree in walk.trees.items()
    ]
    if sorted(map(BookRecord.encode, records)) != sorted(map(BookRecord.encode, epoch.records)):
        raise EpochDifferenceError(where, "the records of its books are not what its leaves add up to")
    lines: list[BookLine] = sorted(record.line() for record in records)
    if (epoch.header.books, epoch.header.books_digest) != (len(lines), books_digest(lines)):
        raise EpochDifferenceError(where, "its header commits to other books")


def _check_terms(walk: _Walk, where: str, epoch: reads.StoredEpoch, terms: list[bytes]) -> None:
    walk.head = terms_head(terms[walk.terms : epoch.header.terms], walk.head)
    walk.terms = epoch.header.terms
    if walk.terms > len(terms) or walk.head != epoch.header.terms_head:
        raise EpochDifferenceError(where, "its terms are not those that are known")


def _check_standings(session: Session, walk: _Walk) -> None:
    stored = all_standings(session)
    for number, account in walk.accounts.items():
        found = stored.pop(number, None)
        expected = (*account.book, account.place, account.count, account.head, *account.sums())
        if found is None or (*found[:3], *found[4:]) != expected or account.pseudonym not in (None, found[3]):
            raise EpochDifferenceError(f"account {number}", "it does not stand where its leaves end")
    if stored:
        raise EpochDifferenceError(f"account {min(stored)}", "it stands somewhere and has no leaf")
