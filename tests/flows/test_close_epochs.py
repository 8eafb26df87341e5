"""Epochs over a real ledger: complete, the same after every restart, and every change by hand is found."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest

from keyuan import ledger
from keyuan.anchor import reads, store
from keyuan.anchor.audit import EpochDifferenceError, check_epochs
from keyuan.anchor.epoch import LedgerState
from keyuan.anchor.header import Domain
from keyuan.anchor.leaf import decode
from keyuan.engines.database import Database, KeyTakenError, Session
from keyuan.flows.close_epochs import Closer, close_all
from unit.ledger.samples import DAY, T0, YEAR, award, capture, hold, redeem, void

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DOMAIN = Domain(31337, bytes(range(20)), bytes(range(32)))
SIZE = 7

Superuser = psycopg.Connection[tuple[Any, ...]]


def tell(database: Database, seed: int, requests: int = 60) -> None:
    """Post a random story: awards, spends, holds and what becomes of them, for a few holders of two brands."""
    random = Random(seed)
    with database.transaction(1) as session:
        for number in range(requests):
            at = T0 + number * DAY
            who: dict[str, Any] = {"holder": random.randint(1, 5), "brand": random.choice(["market", "cafe"]), "at": at}
            name, points = f"{seed}-{number}", random.randint(1, 9)
            kind = random.choice(["award", "award", "award", "redeem", "hold"])
            if kind == "award":
                ledger.post(session, [award(name, points, expires_at=T0 + YEAR + number * DAY, **who)])
            elif kind == "redeem":
                ledger.post(session, [redeem(name, points, **who)])
            else:
                held = hold(name, points, **who, expires_at=who["at"] + 3 * DAY)
                at = who["at"] + DAY
                settled = (
                    capture(f"{name}c", name, 1, at=at) if random.random() < 0.5 else void(f"{name}v", name, at=at)
                )
                ledger.post(session, [held, settled])
        ledger.release_due(session, T0 + 2 * YEAR)
        ledger.expire_due(session, T0 + YEAR + 20 * DAY)


@pytest.fixture
def told(database: Database) -> Database:
    with database.transaction(1) as session:
        store.make_domain(session, DOMAIN)
    tell(database, 1)
    return database


def epochs(database: Database) -> list[reads.StoredEpoch]:
    with database.transaction(1) as session:
        return reads.epochs(session)


def checked(database: Database) -> reads.Counts:
    with database.transaction(1) as session:
        return check_epochs(session)


def entries(database: Database) -> int:
    with database.transaction(1) as session:
        return sum(1 for _ in ledger.entries(session))


def test_every_movement_is_a_leaf_and_every_epoch_but_the_last_is_full(told: Database):
    assert close_all(Closer(told, 1, SIZE), NOW) == entries(told)
    found = epochs(told)
    assert {each.header.last_seq - each.header.first_seq + 1 for each in found[:-1]} == {SIZE}
    assert found[-1].header.last_seq == entries(told)
    assert checked(told)[:2] == (entries(told), len(found))


def test_what_a_book_owes_is_what_the_ledger_says(told: Database):
    close_all(Closer(told, 1, SIZE), NOW)
    with told.transaction(1) as session:
        balances = ledger.balances(session, range(1, 6))
    owed = sum(each.available + each.held for each in balances)
    assert owed > 0
    assert sum(record.root.available + record.root.held for record in epochs(told)[-1].records) == owed


def test_a_closer_that_is_killed_or_started_anew_goes_on_the_same(told: Database, monkeypatch: pytest.MonkeyPatch):
    old = Closer(told, 1, SIZE)
    assert old.step(NOW) == SIZE
    keep_epoch = store.keep_epoch

    def killed(*given: Any) -> None:
        keep_epoch(*given)
        raise KeyboardInterrupt

    for step in range(4):
        monkeypatch.setattr(store, "keep_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            (old if step % 2 else Closer(told, 1, SIZE)).step(NOW)
        monkeypatch.undo()
        assert (Closer(told, 1, SIZE) if step % 2 else old).step(NOW) == SIZE
    tell(told, 2)
    close_all(old, NOW)
    assert checked(told).movements == entries(told)


def test_what_is_left_waits_a_minute_of_real_time_unless_closing_is_paused(told: Database):
    closer = Closer(told, 1, 1000)
    assert closer.step(NOW) == 0
    assert closer.step(NOW + timedelta(seconds=59)) == 0
    with told.transaction(1) as session:
        store.pause(session, paused=True)
    assert closer.step(NOW + timedelta(seconds=90)) == 0
    with told.transaction(1) as session:
        store.pause(session, paused=False)
    assert closer.step(NOW + timedelta(seconds=91)) == entries(told)
    assert closer.step(NOW + timedelta(hours=1)) == 0
    tell(told, 3, 5)
    assert closer.step(NOW + timedelta(hours=2)) == 0
    assert closer.step(NOW + timedelta(hours=2, seconds=60)) > 0


def test_terms_are_committed_to_from_the_epoch_on_in_which_they_are_known(told: Database):
    closer = Closer(told, 1, SIZE)
    closer.step(NOW)
    with told.transaction(1) as session:
        assert store.add_terms(session, bytes(20), 1, b"t" * 32)
        assert not store.add_terms(session, bytes(20), 1, b"t" * 32)
    close_all(closer, NOW)
    assert [each.header.terms for each in epochs(told)][:3] == [0, 1, 1]
    assert checked(told)


def test_nothing_is_closed_where_commitments_stand_nowhere(database: Database):
    tell(database, 1)
    with pytest.raises(store.NoDomainError):
        Closer(database, 1).step(NOW)
    assert checked(database)[:2] == (0, 0)


def test_another_tenant_sees_nothing_of_it(told: Database):
    close_all(Closer(told, 1, SIZE), NOW)
    with told.transaction(2) as session:
        assert (reads.epochs(session), list(reads.leaves(session)), reads.domain(session)) == ([], [], None)


def test_destroying_a_persons_leaves_leaves_everybody_elses_proofs_as_they_are(told: Database):
    close_all(Closer(told, 1, SIZE), NOW)
    before = epochs(told)
    with told.transaction(1) as session:
        assert store.destroy_bodies(session, [min(leaf.account for leaf in reads.leaves(session))]) > 0
        bodies = [leaf.body for leaf in reads.leaves(session)]
    assert None in bodies
    assert any(body is not None and decode(body) for body in bodies)
    assert epochs(told) == before
    assert checked(told).movements == entries(told)
    tell(told, 4)
    close_all(Closer(told, 1, SIZE), NOW)
    assert checked(told).movements == entries(told)


TAMPERINGS = {
    "UPDATE anchor.leaf SET body = set_byte(body, 130, get_byte(body, 130) # 1) WHERE seq = 9": "leaf 9",
    "UPDATE anchor.leaf SET hash = sha256(hash) WHERE seq = 9": "leaf 9",
    "UPDATE anchor.leaf SET body = NULL, hash = sha256(hash) WHERE seq = 9": "leaf 11",
    "UPDATE anchor.leaf SET entry = entry + 1 WHERE seq = 9": "leaf 9",
    "DELETE FROM anchor.leaf WHERE seq = 9": "leaf 10",
    "UPDATE anchor.epoch SET header = set_byte(header, 100, get_byte(header, 100) # 1) WHERE epoch = 3": "epoch 3",
    "UPDATE anchor.epoch SET commitment = sha256(commitment) WHERE epoch = 3": "epoch 3",
    "UPDATE anchor.epoch SET records = set_byte(records, 170, get_byte(records, 170) # 1) WHERE epoch = 3": "epoch 3",
    "DELETE FROM anchor.epoch WHERE epoch = 3": "epoch 3",
    "UPDATE anchor.standing SET available = available + 1 WHERE place = 0 AND brand = 'cafe'": "account",
    "UPDATE anchor.standing SET pseudonym = sha256(pseudonym) WHERE place = 0 AND brand = 'cafe'": "account",
    "UPDATE ledger.entry SET points = points + 1 WHERE seq = 9": "leaf 9",
    "UPDATE ledger.entry SET base_minor = base_minor + 1 WHERE seq = 1": "leaf 1",
    "UPDATE ledger.entry SET at = at + interval '1 us' WHERE seq = 9": "leaf 9",
}


def test_whatever_a_superuser_changes_by_hand_is_found_with_its_place(told: Database, superuser: Superuser):
    close_all(Closer(told, 1, SIZE), NOW)
    for statement, place in TAMPERINGS.items():
        superuser.execute("CREATE SCHEMA kept")
        for table in ("anchor.leaf", "anchor.epoch", "anchor.standing", "ledger.entry"):
            superuser.execute(f"CREATE TABLE kept.{table.split('.')[1]} AS TABLE {table}".encode())
        assert superuser.execute(statement.encode()).rowcount == 1, statement
        with pytest.raises(EpochDifferenceError) as found:
            checked(told)
        assert found.value.where.startswith(place), (statement, found.value.where, found.value.what)
        for table in ("anchor.leaf", "anchor.epoch", "anchor.standing", "ledger.entry"):
            name = table.split(".")[1]
            superuser.execute(f"DELETE FROM {table}; INSERT INTO {table} TABLE kept.{name}".encode())
        superuser.execute("DROP SCHEMA kept CASCADE")
    assert checked(told).movements == entries(told)


def test_how_many_awards_passed_the_gate_is_compared_with_how_many_there_are(told: Database, superuser: Superuser):
    close_all(Closer(told, 1, SIZE), NOW)
    with told.transaction(1) as session:
        awards = sum(leg.kind == ledger.Kind.AWARD for leg in ledger.holder_legs(session, 0, SIZE))
        store.note_passed(session, 1, awards)
    for change in ("awards = awards + 1", "awards = awards - 1", "epoch = 99"):
        superuser.execute(f"UPDATE anchor.passed SET {change}".encode())
        with pytest.raises(EpochDifferenceError, match=r"epoch (1|99): .*computed again"):
            checked(told)
        superuser.execute(b"UPDATE anchor.passed SET epoch = 1, awards = %s", (awards,))
    assert checked(told).movements == entries(told)


def test_a_closer_that_reads_an_old_state_is_stopped_by_the_tables(told: Database, monkeypatch: pytest.MonkeyPatch):
    """The planted bug: of two closers the second goes on from where the first began, and changes nothing."""
    Closer(told, 1, SIZE).step(NOW)

    def before_the_first(_session: Session, domain: Domain) -> store.Stored:
        return store.Stored(LedgerState(domain), 0)

    monkeypatch.setattr(store, "load_state", before_the_first)
    with pytest.raises(KeyTakenError):
        Closer(told, 1, SIZE).step(NOW)
    monkeypatch.undo()
    assert checked(told).epochs == 1
