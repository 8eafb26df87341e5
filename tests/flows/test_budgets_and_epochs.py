"""Money of campaigns stands between the movements of the ledger, and epochs are made of movements alone."""

from datetime import UTC, datetime, timedelta

import pytest

from keyuan import ledger
from keyuan.anchor import reads, store
from keyuan.anchor.audit import check_epochs
from keyuan.anchor.header import Domain
from keyuan.anchor.leaf import decode
from keyuan.anchor.moments import book_at, open_moment
from keyuan.engines.database import Database
from keyuan.flows.close_epochs import Closer, ask_for_the_rest, close_all
from unit.ledger.samples import award, fund, hold, redeem, release, reserve, spend, void

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DOMAIN = Domain(31337, bytes(range(20)), bytes(range(32)))
SIZE = 4
POINTS = [
    award("a", 10), award("b", 20, holder=8), hold("h", 4), redeem("p", 3), void("v", "h"), award("c", 5),
    redeem("q", 20, holder=8), award("d", 1, brand="bank"), award("e", 6, holder=9), redeem("r", 12),
]  # fmt: skip
MONEY = [
    fund("f", 1000), reserve("r1", 300), spend("s1", 100), release("x1", 50), fund("f2", 9, campaign=8),
    fund("f3", 1, brand="bank"), reserve("too much", 9999), reserve("r2", 5), spend("s2", 5), spend("s3", 5),
]  # fmt: skip


@pytest.fixture
def told(database: Database) -> Database:
    """Return a database in which tenant 1 has money between all its movements, and tenant 2 has the movements alone."""
    for tenant in (1, 2):
        with database.transaction(tenant) as session:
            store.make_domain(session, DOMAIN)
            for points, money in zip(POINTS, MONEY, strict=True):
                ledger.post(session, [money, points, money] if tenant == 1 else [points])
    return database


def bodies(database: Database, tenant: int) -> list[tuple[int, int, int, int, int]]:
    """What leaves say, without what is random and the numbers of accounts."""
    with database.transaction(tenant) as session:
        found = [decode(leaf.body or b"") for leaf in reads.leaves(session)]
    return [(leaf.seq, leaf.kind, leaf.delta, leaf.available, leaf.held) for leaf in found]


def test_leaves_are_the_same_with_and_without_money_between_them(told: Database):
    for tenant in (1, 2):
        assert close_all(Closer(told, tenant, SIZE), NOW) == len(POINTS)
        with told.transaction(tenant) as session:
            headers = [epoch.header for epoch in reads.epochs(session)]
            assert [header.last_seq for header in headers] == [4, 8, 10]
            assert headers[-1].books == 2
            assert check_epochs(session)[:2] == (len(POINTS), 3)
            assert ledger.verify(session).ok
    assert bodies(told, 1) == bodies(told, 2)


def test_money_alone_makes_no_epoch_and_keeps_nobody_waiting(told: Database):
    closer = Closer(told, 1, SIZE)
    close_all(closer, NOW)
    with told.transaction(1) as session:
        ledger.post(session, [fund(f"more {number}") for number in range(2 * SIZE)])
        ask_for_the_rest(session)
    for later in (timedelta(0), timedelta(minutes=2), timedelta(minutes=4)):
        assert closer.step(NOW + later) == 0
    with told.transaction(1) as session:
        progress = reads.progress(session)
        assert (
            progress.last_entry == progress.close_through == ledger.last_movement(session) < ledger.last_entry(session)
        )
        ledger.post(session, [award(f"new {number}") for number in range(SIZE)])
    assert closer.step(NOW + timedelta(minutes=5)) == SIZE


def test_an_epoch_waits_for_movements_however_much_money_moves(told: Database):
    closer = Closer(told, 1, len(POINTS) + 1)
    assert closer.step(NOW) == 0
    with told.transaction(1) as session:
        ledger.post(session, [award("one more"), fund("last")])
    assert closer.step(NOW) == len(POINTS) + 1
    assert Closer(told, 1, SIZE).step(NOW + timedelta(days=1)) == 0


def test_an_older_moment_is_found_again_past_the_money_since(told: Database):
    found: list[list[tuple[bytes, tuple[int, ...]]]] = []
    for tenant in (1, 2):
        close_all(Closer(told, tenant, SIZE), NOW)
        with told.transaction(tenant) as session:
            for epoch in (1, 2, 3):
                moment = open_moment(session, epoch, lambda _read, _all: None)
                book = book_at(session, moment, "market", "points")
                record = moment.record("market", "points")
                assert record is not None
                assert book.tree.root == record.root
                found.append([(record.brand, (record.accounts, *record.root.sums))])
    assert found[:3] == found[3:]
