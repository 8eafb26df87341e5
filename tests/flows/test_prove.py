"""Proofs from the database: everybody's, as of every epoch, refused after any change, and nobody's once erased."""

import json
import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from keyuan import ledger, loyalty
from keyuan.anchor import keyuan_verify, reads, store
from keyuan.anchor.header import Domain
from keyuan.anchor.keyuan_verify import Result, Root
from keyuan.anchor.moments import NoSuchEpochError
from keyuan.app.demo import story
from keyuan.app.installation import Installation
from keyuan.app.proving import bundle_names, export_proof
from keyuan.consent import Purpose
from keyuan.contracts import Terms, doubled_digest, terms_hashes
from keyuan.engines.database import Database
from keyuan.flows.close_epochs import Closer, close_all
from keyuan.flows.expire import expire_all
from keyuan.flows.places import POINTS
from keyuan.flows.prove import (
    ErasedError,
    NotAMemberError,
    NothingAnchoredError,
    NothingToProveError,
    Proof,
    Prover,
    StrangeTermsError,
    UnknownBookError,
    open_prover,
)
from keyuan.flows.take_along import UnknownPersonError
from keyuan.flows.terms import terms_of
from keyuan.kernel.clock import to_us
from keyuan.kernel.config import load_settings
from keyuan.kernel.errors import CorruptionError
from real_server import Server, cloned
from shop import Shop, instant, open_shop
from unit.anchor import tampering
from unit.anchor.made_up import written
from unit.ledger.samples import capture, hold, redeem, void

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DOMAIN = Domain(31337, bytes(range(20)), bytes(range(32)))
SIZE = 9
PEOPLE = ("anna", "bert", "chen", "客人")
MARKET = story.PROGRAMME
CAFE = MARKET._replace(id="cafe", name="Café", brand="Café 茶", rule=MARKET.rule._replace(name="cup", daily_cap=12))
NEW_RULE = CAFE.rule._replace(version=2, minor_per_point=50, starts_at_us=to_us(datetime(2017, 3, 1, tzinfo=UTC)))


class House(NamedTuple):
    """A shop with two programmes, one with new terms, whose movements stand in epochs."""

    shop: Shop
    epochs: list[reads.StoredEpoch]
    superuser: dict[str, Any]

    def prover(self, session: Any, epoch: int | None = None) -> Prover:
        return open_prover(session, epoch or len(self.epochs), lambda _done, _total: None)

    def proofs(self, name: str, epoch: int | None = None) -> list[Proof]:
        with self.shop.database.transaction(1, snapshot=True) as session:
            return self.prover(session, epoch).of_person(self.shop.secrets, name)

    def audited(self, brand: str, epoch: int | None = None) -> Any:
        with self.shop.database.transaction(1, snapshot=True) as session:
            return self.prover(session, epoch).of_book(brand)

    def root(self, epoch: int | None = None) -> Root:
        known = [each.commitment for each in self.epochs[: epoch or len(self.epochs)]]
        return Root(DOMAIN.chain_id, DOMAIN.contract, known)

    def checked(self, file: Any, epoch: int | None = None) -> Result:
        return keyuan_verify.verify(written(file), self.root(epoch))


def orders(shop: Shop, month: int) -> None:
    """Let everybody buy something day by day, so that the movements of both programmes alternate."""
    for day in range(1, 7):
        at = f"2017-{month:02}-{day:02}T{9 + day}:00:00Z"
        for number, name in enumerate(PEOPLE):
            category = "COFFEE" if (day + number) % 2 else None
            shop.send(shop.order(name, at, total=f"{3 + 2 * number + day}.{number}0", category=category))
        shop.follow(POINTS)


def holder_of(shop: Shop, name: str, programme: str = MARKET.id) -> int:
    person = shop.person(name)
    with shop.database.transaction(1) as session:
        return loyalty.holders(session, programme, [person])[person]


def spend(shop: Shop) -> None:
    """Let some points be redeemed, held, captured, given back, and expire."""
    at = instant("2017-04-01")
    who: dict[str, Any] = {"holder": holder_of(shop, "anna"), "brand": MARKET.brand, "at": at}
    with shop.database.transaction(1) as session:
        holds = [hold(name, points, **who, expires_at=at + timedelta(days=3)) for name, points in (("h", 4), ("i", 2))]
        ledger.post(session, [redeem("r", 3, **who), *holds])
        ledger.post(session, [capture("c", "h", 3, at=at), void("v", "i", at=at)])
    expire_all(shop.database, 1, instant("2018-02-03"))


def know_terms(database: Database, *programmes: loyalty.Programme) -> None:
    """Take the terms of programmes in, as who deploys contracts does."""
    named = [terms_of(programme) for programme in programmes]
    with database.transaction(1) as session:
        for version, terms_hash in enumerate(terms_hashes(named[0][0], [terms for _book, terms in named]), 1):
            store.add_terms(session, named[0][0].rule[:20], version, terms_hash)


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return the house that all tests here look at; who changes something puts it back."""
    with cloned(server) as name, Database(server.app | {"dbname": name}, server.token_key) as database:
        shop = open_shop(database, tmp_path_factory.mktemp("keys") / "keys")
        with database.transaction(1) as session:
            loyalty.create_programme(session, CAFE)
            store.make_domain(session, DOMAIN)
        for each in (*PEOPLE, "member without points"):
            shop.agree(each, *Purpose)
        know_terms(database, CAFE)  # known before the other, though it comes after it by name
        know_terms(database, MARKET)
        closer = Closer(database, 1, SIZE)
        orders(shop, 2)
        close_all(closer, NOW)
        renewed = CAFE._replace(rule=NEW_RULE)
        with database.transaction(1) as session:
            loyalty.create_programme(session, renewed)
        know_terms(database, CAFE, renewed)
        orders(shop, 3)
        spend(shop)
        close_all(closer, NOW + timedelta(days=1))
        with database.transaction(1) as session:
            epochs = reads.epochs(session)
        yield House(shop, epochs, server.superuser | {"dbname": name})


@contextmanager
def changed(house: House, statement: str) -> Generator[None]:
    """Change rows by hand, as only a superuser can, and put them back."""
    table = next(word for word in statement.split() if "." in word)
    with psycopg.connect(**house.superuser, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE public.kept AS TABLE {table}".encode())
        try:
            assert connection.execute(statement.encode()).rowcount > 0
            yield
        finally:
            connection.execute(f"DELETE FROM {table}; INSERT INTO {table} TABLE public.kept".encode())
            connection.execute("DROP TABLE public.kept")


def test_everybody_can_prove_her_points_in_every_book(house: House):
    for name in PEOPLE:
        proofs = house.proofs(name)
        assert [proof[:2] for proof in proofs] == [(CAFE.brand, "points"), (MARKET.brand, "points")]
        for proof in proofs:
            result = house.checked(proof.file)
            assert (result.epoch, result.epochs) == (len(house.epochs), len(house.epochs))
            with house.shop.database.transaction(1) as session:
                programme = CAFE.id if proof.brand == CAFE.brand else MARKET.id
                (balance,) = ledger.balances(session, [holder_of(house.shop, name, programme)])
            assert tuple(result.balances) == (balance.available, balance.held, 0, 0)
            assert proof.newer == 0
    kinds = {leaf["kind"] for name in PEOPLE for proof in house.proofs(name) for leaf in proof.file["leaves"]}
    assert kinds == {"award", "redeem", "hold", "capture", "void", "expire"}


def test_terms_stand_in_the_order_in_which_epochs_took_them_in_and_old_awards_keep_theirs(house: House):
    file = house.proofs("anna")[0].file
    assert [(each["brand"], each["version"]) for each in file["terms"]] == [
        (CAFE.brand, 1),
        (MARKET.brand, 1),
        (CAFE.brand, 2),
    ]
    assert {leaf["rule_version"] for leaf in file["leaves"] if leaf["kind"] == "award"} == {1, 2}


def test_proofs_can_be_made_as_of_every_epoch_that_was(house: House):
    """Balances at an older epoch are computed back from those of the newest; the verifier knows nothing of that."""
    last: Mapping[str, int] = {}
    for epoch in range(1, len(house.epochs) + 1):
        owed = {brand: house.checked(house.audited(brand, epoch), epoch) for brand in (CAFE.brand, MARKET.brand)}
        movements = dict.fromkeys(owed, 0)
        sums: dict[str, list[int]] = {brand: [0, 0, 0, 0] for brand in owed}
        for name in PEOPLE:
            try:
                proofs = house.proofs(name, epoch)
            except NothingToProveError:
                assert epoch == 1
                continue
            for proof in proofs:
                result = house.checked(proof.file, epoch)
                movements[proof.brand] += result.movements
                sums[proof.brand] = [one + other for one, other in zip(sums[proof.brand], result.balances, strict=True)]
        assert sum(movements.values()) == house.epochs[epoch - 1].header.last_seq
        assert all(movements[brand] >= last.get(brand, 0) for brand in movements)
        assert {brand: list(result.balances) for brand, result in owed.items()} == sums
        last = movements


def test_a_proof_as_of_an_older_epoch_says_so_and_how_much_is_newer(house: House):
    older, newest = house.proofs("anna", 3)[0], house.proofs("anna")[0]
    result = house.checked(older.file)
    assert (result.epoch, result.epochs) == (3, len(house.epochs))
    assert older.newer == len(newest.file["leaves"]) - len(older.file["leaves"]) > 0


def test_with_several_accounts_each_has_a_file_of_its_own(house: House, tmp_path: Path):
    installation = Installation(load_settings(tmp_path), tmp_path, house.shop.database, house.shop.secrets, None)
    out, known, epoch = tmp_path / "hers.json", tmp_path / "known.json", len(house.epochs)
    made = export_proof(installation, "anna", out, known, epoch=epoch)
    written_to = [tmp_path / name for name in ("hers-Café_茶-points.json", "hers-keyuan-market-points.json")]
    assert [bundle["out"] for bundle in made["bundles"]] == list(map(str, written_to))
    assert sorted(tmp_path.iterdir()) == sorted([*written_to, known])
    for path in written_to:
        assert keyuan_verify.verify(path.read_bytes(), keyuan_verify.root_from_file(known)).epoch == epoch
    assert bundle_names(out, [("a/b", "p"), ("a b", "p")]) == [
        tmp_path / "hers-a_b-p.json",
        tmp_path / "hers-a_b-p-2.json",
    ]


def test_a_file_names_nobody(house: House):
    file = json.dumps(house.proofs("客人")[0].file, ensure_ascii=False)
    holder = holder_of(house.shop, "客人", CAFE.id)
    for name in ("客人", str(house.shop.person("客人")), house.shop.person("客人").hex, str(holder)):
        assert name not in file


def test_a_file_from_the_database_is_refused_after_any_change(house: House):
    """Of every class of value each kind of change, in two places; `test_verify` tries all places of a made-up file."""
    (cafe, market), root, passed = house.proofs("anna"), house.root(), list[str]()
    tried = Counter[str]()
    for file in (house.audited(CAFE.brand), cafe.file, market.file):
        for what, wrong in tampering.tampered(file):
            kind = re.sub(r"\d+", "", what)
            if tried[kind] == 2:
                continue
            tried[kind] += 1
            try:
                keyuan_verify.verify(written(wrong), root)
            except keyuan_verify.RefusedError:
                continue
            passed.append(what)
    assert passed == []
    assert len(tried) > 300
    assert {".leaves[].reference: first bit", ".balance.proof[].held: one more", ".terms[].doubled[]: shorter"} <= {
        *tried
    }


def test_who_was_erased_has_no_proof_any_more_and_everybody_elses_stays_whole(house: House):
    kept = house.proofs("bert")
    with house.shop.database.transaction(1) as session:
        mine = ledger.books_of(session, holder_of(house.shop, "bert"))
        mine += ledger.books_of(session, holder_of(house.shop, "bert", CAFE.id))
    with changed(house, "UPDATE anchor.leaf SET seq = seq"):
        with house.shop.database.transaction(1) as session:
            assert store.destroy_bodies(session, [book.account for book in mine]) > 0
        with pytest.raises(ErasedError):
            house.proofs("bert")
        for epoch in (2, len(house.epochs)):
            for name in PEOPLE:
                if name != "bert":
                    assert all(house.checked(proof.file, epoch) for proof in house.proofs(name, epoch))
            assert house.checked(house.audited(MARKET.brand, epoch), epoch)
    assert [proof.file for proof in house.proofs("bert")] == [proof.file for proof in kept]
    assert all(house.checked(proof.file) for proof in kept)


def test_who_has_nothing_to_prove_is_told_why(house: House):
    with pytest.raises(UnknownPersonError):
        house.proofs("nobody")
    with pytest.raises(NothingToProveError):
        house.proofs("member without points")
    house.shop.agree("no member", Purpose.PERSONALISATION)
    with pytest.raises(NotAMemberError):
        house.proofs("no member")
    with pytest.raises(NoSuchEpochError):
        house.proofs("anna", len(house.epochs) + 1)
    with pytest.raises(UnknownBookError, match="Café 茶/points, keyuan-market/points"):
        house.audited("nobody")


def test_where_nothing_is_anchored_no_proof_is_made_unless_an_epoch_is_named(house: House):
    for tenant in (1, 2):
        with house.shop.database.transaction(tenant, snapshot=True) as session, pytest.raises(NothingAnchoredError):
            open_prover(session, None, lambda _done, _total: None)


def test_a_proof_is_as_of_the_newest_epoch_that_is_final_on_the_chain(house: House):
    with house.shop.database.transaction(1) as session:
        for epoch in (1, 2, 3):
            store.note_anchored(session, epoch, bytes(32), epoch, 50_000)
    try:
        with house.shop.database.transaction(1, snapshot=True) as session:
            proofs = open_prover(session, None, lambda _done, _total: None).of_person(house.shop.secrets, "anna")
        results = [house.checked(proof.file, 3) for proof in proofs]
        assert {(result.epoch, result.epochs) for result in results} == {(3, 3)}
    finally:
        with psycopg.connect(**house.superuser, autocommit=True) as connection:
            connection.execute("DELETE FROM anchor.anchored")


BY_HAND = [
    ("UPDATE anchor.standing SET available = available + 1 WHERE place = 1", 5, "balances"),
    ("UPDATE anchor.standing SET available = 0 WHERE place = 0", 5, "balances"),
    ("UPDATE anchor.standing SET head = sha256(head) WHERE place = 0", None, "balances"),
    ("DELETE FROM anchor.standing WHERE place = 2", 5, "balances"),
    ("UPDATE anchor.leaf SET hash = sha256(hash) WHERE seq = 5", 5, "leaves"),
    ("DELETE FROM anchor.leaf WHERE seq = 20", 5, "leaves"),
    ("UPDATE ledger.entry SET points = points + 1 WHERE seq > 70", 5, "balances"),
]


@pytest.mark.parametrize(("statement", "epoch", "what"), BY_HAND)
def test_no_file_is_made_of_rows_that_were_changed_by_hand(house: House, statement: str, epoch: int | None, what: str):
    with changed(house, statement), pytest.raises(CorruptionError, match=what):
        house.audited(MARKET.brand, epoch)


def test_terms_that_no_programme_has_are_not_proved(house: House):
    statement = "UPDATE loyalty.earn_rule SET daily_cap = daily_cap + 1 WHERE version = 2"
    with changed(house, statement), pytest.raises(StrangeTermsError):
        house.proofs("anna")


def test_the_terms_in_a_file_are_the_contracts(house: House):
    """The digest by which terms in clear are found is the contract's own."""
    file = house.proofs("anna")[0].file
    for each in file["terms"]:
        numbers = [each[key] for key in ("starts_at_us", "minor_per_point", "daily_cap", "expiry_months")]
        programme = MARKET if each["brand"] == MARKET.brand else CAFE
        rule = NEW_RULE if each["version"] == 2 else programme.rule
        assert Terms(*numbers, doubled_digest(each["doubled"])) == terms_of(programme._replace(rule=rule))[1]
