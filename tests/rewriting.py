"""A ledger whose epochs stand on a real chain, and a superuser who rewrites its history and can put it back."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain as joined
from itertools import repeat
from random import Random
from secrets import token_bytes
from types import SimpleNamespace
from typing import Any

import psycopg
from msgspec.structs import replace
from psycopg import sql

from keyuan import contracts, ledger
from keyuan.anchor import reads, store
from keyuan.anchor.audit import EpochDifferenceError, check_epochs
from keyuan.anchor.header import Domain
from keyuan.anchor.leaf import decode
from keyuan.anchor.outbox import anchor_job
from keyuan.contracts import Book, Terms, doubled_digest, name_digest
from keyuan.contracts.calls import anchor_creation, anchor_data, read_commitments, read_latest, terms_creation
from keyuan.engines.chain import Call
from keyuan.engines.chain.deploy import deploy
from keyuan.engines.chain.embedded import EmbeddedChain, Replica
from keyuan.engines.chain.outbox import Outbox
from keyuan.engines.chain.signer import Signer
from keyuan.engines.database import Database
from keyuan.flows import close_epochs
from keyuan.flows.outbox import StoredOutbox
from keyuan.flows.verify import verify, verify_epochs
from keyuan.kernel.clock import to_us
from unit.ledger.samples import DAY, T0, YEAR, award, capture, hold, key, redeem, void

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NOW_US = to_us(NOW)
SIZE = 20
HOLDERS, BRANDS = range(1, 7), ("market", "cafe")
DELAYS_S = (86_400, 30 * 86_400)
TABLES = {
    "ledger": ("head", "account", "entry", "key", "lot", "take", "hold"),
    "anchor": ("domain", "terms", "standing", "leaf", "epoch"),
}
ALL_TABLES = [(schema, table) for schema, tables in TABLES.items() for table in tables]

Table = tuple[str, str]
Superuser = psycopg.Connection[tuple[Any, ...]]
Requests = list[ledger.Request]


def story(random: Random, requests: int = 150) -> Requests:
    """Return a random story of a few holders of two brands, of every kind of request."""
    made: Requests = []
    for number in range(requests):
        at = T0 + number * DAY
        who: dict[str, Any] = {"holder": random.choice(HOLDERS), "brand": random.choice(BRANDS), "at": at}
        name, points = f"request {number}", random.randint(1, 9)
        kind = random.choice(["award"] * 5 + ["redeem", "hold"])
        if kind == "award":
            made.append(award(name, points, **who, expires_at=at + YEAR, reference=key(f"order {number}")))
        elif kind == "redeem":
            made.append(redeem(name, points, **who, reference=key(f"till {number}")))
        else:
            made.append(hold(name, points, **who, expires_at=at + 3 * DAY))
            later: Requests = [capture(f"{name} c", name, 1, at=at + DAY), void(f"{name} v", name, at=at + DAY)]
            made += later[: random.randint(0, 2)]
    return made


def dated(requests: Requests) -> Requests:
    """Return the requests with the totals of days that their awards make."""
    totals: dict[tuple[int, str, object], int] = {}
    made: Requests = []
    for each in requests:
        if isinstance(each, ledger.Award):
            day = (each.holder, each.brand, each.at.date())
            totals[day] = totals.get(day, 0) + each.points
            made.append(replace(each, day=each.at.date(), day_points=totals[day]))
        else:
            made.append(each)
    return made


class Site:
    """One tenant's ledger and epochs in a database, their commitments on a chain, and the superuser's hand."""

    def __init__(self, database: Database, superuser: Superuser, on: EmbeddedChain, signer: Signer) -> None:
        self.database, self.superuser, self.chain = database, superuser, on
        self.outbox = Outbox(on, StoredOutbox(database, 1, on.chain_id(), signer.address), signer)
        self._creation = anchor_creation("cancun", signer.address, DELAYS_S[0])
        self.contract = self._deployed("LedgerAnchor", self._creation)
        self.domain = Domain(on.chain_id(), self.contract, token_bytes(32))
        self.terms = [self._deployed(f"ProgramTerms:{brand}", self._terms(brand, signer)) for brand in BRANDS]

    def tell(self, requests: Requests) -> None:
        """Let all this happen, from nothing, and close its epochs."""
        requests = dated(requests)
        with self.database.transaction(1) as session:
            for number, half in enumerate((requests[: len(requests) // 2], requests[len(requests) // 2 :]), 1):
                ledger.post(session, half)
                ledger.release_due(session, T0 + number * 70 * DAY)
                ledger.expire_due(session, T0 + YEAR + number * 40 * DAY)
            store.make_domain(session, self.domain)
            for address in self.terms:
                for version, terms_hash in enumerate(self.deployed(address), 1):
                    store.add_terms(session, address, version, terms_hash)
        close_epochs.close_all(close_epochs.Closer(self.database, 1, SIZE), NOW)

    def anchor(self, through: int | None = None) -> None:
        """Send commitments to the chain, all or those up to an epoch."""
        for epoch in self.epochs()[:through]:
            number = epoch.header.epoch
            self.outbox.submit(
                anchor_job(1, number), Call(self.contract, anchor_data(number, epoch.commitment)), NOW_US
            )
            self.outbox.advance(NOW_US)

    def epochs(self) -> list[reads.StoredEpoch]:
        with self.database.transaction(1) as session:
            return reads.epochs(session)

    def entries(self) -> list[ledger.Entry]:
        with self.database.transaction(1) as session:
            return list(ledger.entries(session))

    def anchored(self, contract: bytes) -> list[bytes]:
        """Return the commitments on the chain."""
        return commitments(self.chain, contract)

    def move(self) -> None:
        """Have another contract of ours for all that is told from now on."""
        self.contract = self._deployed("another LedgerAnchor", self._creation)
        self.domain = self.domain._replace(contract=self.contract)

    def deployed(self, address: bytes) -> list[bytes]:
        """Return the digests of the terms at an address, none where there are no terms."""
        code = self.chain.get_code(address)
        return list(contracts.read_terms(code, partial(self.chain.call, address)).hashes) if code else []

    def found(self, *, chain: bool = True) -> str | None:
        """Return what is found of a rewriting, and where; without `chain` the database is asked alone."""
        (report,) = verify(self.database, [1])
        if report.difference is not None:
            return f"ledger: {report.difference.words}"
        try:
            if chain:
                verify_epochs(self.database, 1, self.anchored, deployed=self.deployed, contract=self.contract)
            else:
                with self.database.transaction(1, snapshot=True) as session:
                    check_epochs(session)
        except EpochDifferenceError as difference:
            return f"{difference.where}: {difference.what}"
        return None

    def keep(self) -> None:
        """Keep a copy of everything, and the closer's secrets in the order in which it made them."""
        self.superuser.execute("CREATE SCHEMA kept")
        for schema, table in ALL_TABLES:
            self.superuser.execute(
                sql.SQL("CREATE TABLE kept.{} AS TABLE {}").format(sql.Identifier(table), sql.Identifier(schema, table))
            )
        with self.database.transaction(1) as session:
            leaves, epochs = list(reads.leaves(session)), reads.epochs(session)
        salts = dict(self.superuser.execute("SELECT e.epoch, e.salt FROM anchor.epoch AS e").fetchall())
        known: set[int] = set()
        self.secrets: list[bytes] = []
        for epoch in epochs:
            some = leaves[epoch.header.first_seq - 1 : epoch.header.last_seq]
            decoded = {leaf.seq: decode(leaf.body or b"") for leaf in some}
            self.secrets += [decoded[leaf.seq].salt for leaf in some]
            fresh = {leaf.account: decoded[leaf.seq].account for leaf in some if leaf.account not in known}
            self.secrets += [*fresh.values(), salts[epoch.header.epoch]]
            known |= fresh.keys()

    def take_down_checks(self) -> None:
        """Have no table refuse what a superuser writes."""
        for table, check in self.superuser.execute(
            "SELECT c.conrelid::regclass::text, c.conname FROM pg_constraint AS c"
            " WHERE c.contype IN ('c', 'u') AND c.connamespace IN ('ledger'::regnamespace, 'anchor'::regnamespace)"
            "   AND c.conislocal AND NOT (SELECT r.relispartition FROM pg_class AS r WHERE r.oid = c.conrelid)"
        ).fetchall():
            self.superuser.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                    sql.Identifier(*table.split(".")), sql.Identifier(check)
                )
            )

    def wipe(self, tables: Sequence[Table] = ALL_TABLES) -> None:
        """Delete everything that there is."""
        for schema, table in tables:
            self.superuser.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, table)))

    def put_back(self, tables: Sequence[Table] = ALL_TABLES) -> None:
        """Have it as it was kept."""
        with self.superuser.transaction():
            self.wipe(tables)
            for schema, table in tables:
                self.superuser.execute(
                    sql.SQL("INSERT INTO {} TABLE kept.{}").format(sql.Identifier(schema, table), sql.Identifier(table))
                )

    @contextmanager
    def retold(self, requests: Requests) -> Generator[None]:
        """Tell another story in place of the first, with the same secrets, so that only what it changes differs."""
        remembered: Iterator[bytes] = joined(self.secrets, (token_bytes(32) for _ in repeat(None)))
        real = close_epochs.secrets

        def remember(_count: int) -> bytes:
            return next(remembered)

        self.wipe()
        try:
            close_epochs.secrets = SimpleNamespace(token_bytes=remember)  # pyright: ignore[reportAttributeAccessIssue]
            self.tell(requests)
            yield
        finally:
            close_epochs.secrets = real
            self.put_back()

    def _deployed(self, name: str, creation: bytes) -> bytes:
        made = deploy(self.outbox, name, creation, now_us=NOW_US)
        self.outbox.advance(NOW_US)
        return made.address

    def _terms(self, brand: str, signer: Signer) -> bytes:
        book = Book(name_digest(brand), name_digest("points"), name_digest("basket"))
        first = Terms(to_us(T0), 100, 500, 12, doubled_digest([]))
        return terms_creation("cancun", signer.address, DELAYS_S, book, first)


def commitments(on: Replica, contract: bytes) -> list[bytes]:
    """Return what a chain has of a contract."""
    ask = partial(on.call, contract)
    return read_commitments(1, read_latest("LedgerAnchor", ask), ask)
