"""The operator cannot rewrite history unseen: whatever a superuser does to rows and trees, `verify` finds it.

Promise 6. Three classes: one value of one row, in every column; rows dropped, added, and changed for one another; and,
the hard one, another history told from the beginning by our own code, with the same secrets, so that inside the
database nothing contradicts itself. Who checks names the contract; the rest is the operator's.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from shutil import copytree
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql
from psycopg.errors import IntegrityError

from keyuan import ledger
from keyuan.anchor.audit import EpochDifferenceError, check_epochs
from keyuan.engines.chain.embedded import EmbeddedChain, Replica
from keyuan.engines.chain.signer import open_publisher
from keyuan.engines.database import Database
from keyuan.flows.verify import verify_epochs
from rewriting import ALL_TABLES, HOLDERS, SIZE, Requests, Site, Superuser, Table, commitments, story
from unit.ledger.samples import key

RETOLD = 27
BEFORE = 3
"""Epochs on an earlier copy of the chain."""
TRIES = 200
# How closing goes on is no history.
NO_HISTORY = {("anchor", "domain", "paused"), ("anchor", "domain", "waiting_since")}
KEYS: dict[Table, str] = {
    ("ledger", "head"): "tenant", ("ledger", "account"): "account_id", ("ledger", "entry"): "seq",
    ("ledger", "key"): "key", ("ledger", "lot"): "lot", ("ledger", "take"): "seq", ("ledger", "hold"): "hold",
    ("anchor", "domain"): "tenant", ("anchor", "terms"): "place", ("anchor", "standing"): "account",
    ("anchor", "leaf"): "seq", ("anchor", "epoch"): "epoch",
}  # fmt: skip

Row = dict[str, Any]


@pytest.fixture
def seed() -> int:
    """Return a number that every failure names; KEYUAN_TEST_SEED tries another, `any` whichever."""
    chosen = os.environ.get("KEYUAN_TEST_SEED", "20261122")
    return SystemRandom().randrange(2**32) if chosen == "any" else int(chosen)


@pytest.fixture
def random(seed: int) -> Random:
    return Random(seed)


@pytest.fixture
def told(random: Random) -> Requests:
    return story(random)


@pytest.fixture
def site(database: Database, superuser: Superuser, tmp_path: Path, told: Requests) -> Generator[Site]:
    signer = open_publisher(tmp_path / "keys")
    chain = EmbeddedChain(tmp_path / "chain", signer.address)
    site = Site(database, superuser, chain, signer)
    site.tell(told)
    site.anchor(BEFORE)
    copytree(tmp_path / "chain", tmp_path / "before")
    site.anchor()
    site.keep()
    yield site
    chain.close()


def changed(random: Random, value: Any, kind: str) -> Any:
    """Return another value of the same type."""
    if value is None or (kind != "bytea" and random.random() < 0.1):
        return {"bytea": key("made up"), "text": "made up", "date": "2017-03-04", "boolean": True}.get(
            kind, "2017-03-04 05:06Z" if kind.startswith("timestamp") else 4
        )
    if kind == "bytea":
        at = random.randrange(len(value))
        return value[:at] + bytes([value[at] ^ random.randint(1, 255)]) + value[at + 1 :]
    if kind == "text":
        return value + "'"
    if kind == "date":
        return value + timedelta(days=random.choice([-1, 1, 30]))
    if kind.startswith("timestamp"):
        return value + random.choice([timedelta(microseconds=1), timedelta(hours=-1), timedelta(days=40)])
    return value + random.choice([-2, -1, 1, 2, 1000])


class Hand:
    """The superuser's hand on single rows."""

    def __init__(self, superuser: Superuser, random: Random) -> None:
        self.superuser, self.random = superuser, random
        self.kinds: dict[Table, dict[str, str]] = {table: {} for table in ALL_TABLES}
        for schema, table, column, kind in superuser.execute(
            "SELECT c.table_schema, c.table_name, c.column_name, c.data_type FROM information_schema.columns AS c"
            " WHERE c.table_schema IN ('ledger', 'anchor')"
        ).fetchall():
            if (schema, table) in self.kinds and (schema, table, column) not in NO_HISTORY:
                self.kinds[schema, table][column] = kind

    def rows(self, table: Table) -> list[Row]:
        found = self.superuser.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(*table)))
        names = [column.name for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def replace(self, table: Table, old: list[Row], new: list[Row]) -> bool:
        """Put some rows in place of others; False where the table itself refuses."""
        rows = self.rows(table)
        rows = [row for row in rows if row not in old] + new
        name = sql.Identifier(*table)
        columns = list(rows[0] if rows else old[0])
        insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            name,
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        )
        try:
            with self.superuser.transaction(), self.superuser.cursor() as cursor:
                cursor.execute(sql.SQL("DELETE FROM {}").format(name))
                cursor.executemany(insert, [[row[column] for column in columns] for row in rows])
        except (IntegrityError, psycopg.DataError):
            return False
        return True

    def change(self, table: Table, column: str) -> str | None:
        """Change one value of one row."""
        row = self.random.choice(self.rows(table))
        value = changed(self.random, row[column], self.kinds[table][column])
        if value == row[column] or not self.replace(table, [row], [row | {column: value}]):
            return None
        return f"{column} of {row[KEYS[table]]!r}: {row[column]!r} to {value!r}"

    def drop(self, table: Table) -> str | None:
        row = self.random.choice(self.rows(table))
        return f"dropped {row[KEYS[table]]!r}" if self.replace(table, [row], []) else None

    def add(self, table: Table) -> str | None:
        """Add a row like another, under a key of its own."""
        row = self.random.choice(self.rows(table))
        number = {KEYS[table]: changed(self.random, row[KEYS[table]], self.kinds[table][KEYS[table]])}
        if table == ("ledger", "key") and row["answer"] != 1:
            return None
        return f"added {number}" if self.replace(table, [], [row | number]) else None

    def swap(self, table: Table) -> str | None:
        """Have two rows stand in each other's place."""
        rows = self.rows(table)
        if len(rows) < 2:
            return None
        one, other = self.random.sample(rows, 2)
        number = KEYS[table]
        new = [one | {number: other[number]}, other | {number: one[number]}]
        if all(row in (one, other) for row in new):
            return None
        return f"swapped {one[number]!r}, {other[number]!r}" if self.replace(table, [one, other], new) else None


def acts(hand: Hand) -> list[tuple[str, Table, Callable[[], str | None]]]:
    """Return every way to change single rows: each column once, and three ways with rows for each table."""

    def change(table: Table, column: str) -> Callable[[], str | None]:
        return lambda: hand.change(table, column)

    def with_rows(act: Callable[[Table], str | None], table: Table) -> Callable[[], str | None]:
        return lambda: act(table)

    found = [
        (f"a value of {'.'.join(table)}.{column}", table, change(table, column))
        for table, columns in hand.kinds.items()
        for column in columns
    ]
    single = {("ledger", "head"), ("anchor", "domain")}
    for table in ALL_TABLES:
        name = ".".join(table)
        found.append((f"a row dropped from {name}", table, with_rows(hand.drop, table)))
        if table not in single:
            found.append((f"a row added to {name}", table, with_rows(hand.add, table)))
            found.append((f"rows swapped in {name}", table, with_rows(hand.swap, table)))
    return found


@contextmanager
def done(site: Site, table: Table, act: Callable[[], str | None]) -> Generator[str]:
    """Do it, as often as it takes to get past the table's own checks, and put everything back."""
    what = next(filter(None, (act() for _ in range(TRIES))), None)
    assert what is not None, table
    try:
        yield what
    finally:
        site.put_back([table])


def test_whatever_is_done_to_rows_is_found(site: Site, superuser: Superuser, random: Random, seed: int):
    assert site.found() is None
    site.take_down_checks()
    unseen: list[str] = []
    places: list[str] = []
    for name, table, act in acts(Hand(superuser, random)):
        with done(site, table, act) as what:
            found = site.found()
        (places if found else unseen).append(f"{name}, {what}: {found}")
    assert unseen == [], f"seed {seed}: {len(unseen)} of {len(unseen) + len(places)} are not found"
    assert len(places) >= 100
    assert site.found() is None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("UPDATE ledger.entry SET kind = 1001 WHERE seq = 3", "ledger.entry, tenant 1, entry 3"),
        ("UPDATE ledger.account SET bucket = 1012 WHERE account_id = 2", "ledger.account, tenant 1, account 2"),
    ],
    ids=("a kind", "a bucket"),
)
def test_what_no_byte_can_hold_is_found_at_its_place(site: Site, superuser: Superuser, change: str, place: str):
    site.take_down_checks()
    superuser.execute(change.encode())
    assert place in str(site.found())
    with pytest.raises(EpochDifferenceError), site.database.transaction(1) as session:
        superuser.execute("UPDATE ledger.entry SET kind = 1001 WHERE seq = 3")
        check_epochs(session)


def more_points(random: Random, told: Requests, at: int) -> Requests:
    each = told[at]
    if not isinstance(each, ledger.Award):
        return told
    points = each.points + random.randint(1, 9)
    return [*told[:at], replace(each, points=points, base_minor=points * 100), *told[at + 1 :]]


def other_amount(random: Random, told: Requests, at: int) -> Requests:
    each = told[at]
    if not isinstance(each, ledger.Award | ledger.Redeem | ledger.Hold | ledger.Capture):
        return told
    return [*told[:at], replace(each, points=max(1, each.points - random.randint(1, 3))), *told[at + 1 :]]


def left_out(_random: Random, told: Requests, at: int) -> Requests:
    return told[:at] + told[at + 1 :]


def put_in(random: Random, told: Requests, at: int) -> Requests:
    return [*told[:at], replace(told[at], key=key(f"put in {random.random()}")), *told[at:]]


def in_another_order(random: Random, told: Requests, at: int) -> Requests:
    to = random.randrange(len(told))
    rest = told[:at] + told[at + 1 :]
    return [*rest[:to], told[at], *rest[to:]]


def at_another_time(random: Random, told: Requests, at: int) -> Requests:
    moved = told[at].at + random.choice([timedelta(microseconds=1), timedelta(hours=-5)])
    return [*told[:at], replace(told[at], at=moved), *told[at + 1 :]]


def for_somebody_else(random: Random, told: Requests, at: int) -> Requests:
    each = told[at]
    if not isinstance(each, ledger.Award | ledger.Redeem | ledger.Hold):
        return told
    return [*told[:at], replace(each, holder=random.choice(HOLDERS)), *told[at + 1 :]]


def of_another_kind(random: Random, told: Requests, at: int) -> Requests:
    """What an award was computed from, or how long it lasts, or what it is for."""
    each = told[at]
    if not isinstance(each, ledger.Award):
        return told
    facts: list[dict[str, Any]] = [
        {"base_minor": each.base_minor + 1}, {"extra_minor": 1}, {"rule_version": 2}, {"rule": "other"},
        {"reference": key("other")}, {"reference": None}, {"expires_at": each.at + timedelta(days=30)},
    ]  # fmt: skip
    return [*told[:at], replace(each, **random.choice(facts)), *told[at + 1 :]]


def under_another_key(random: Random, told: Requests, at: int) -> Requests:
    """What no leaf says."""
    each = told[at]
    if isinstance(each, ledger.Hold | ledger.Capture | ledger.Void | ledger.Expire):  # others name a hold by its key
        return told
    return [*told[:at], replace(each, key=key(f"other {random.random()}")), *told[at + 1 :]]


REWRITINGS = (
    more_points, other_amount, left_out, put_in, in_another_order, at_another_time, for_somebody_else, of_another_kind,
    under_another_key,
)  # fmt: skip


def first_difference(before: list[ledger.Entry], after: list[ledger.Entry]) -> int:
    """Return the number of the first entry that differs."""
    same = (one == other for one, other in zip(before, after, strict=False))
    return next((number for number, equal in enumerate(same, 1) if not equal), min(len(before), len(after)) + 1)


def test_a_history_told_again_is_found_by_the_chain_and_by_nothing_else(
    site: Site, told: Requests, random: Random, seed: int
):
    before, commitments = site.entries(), [epoch.commitment for epoch in site.epochs()]
    with site.retold(told):  # the operator remembers everything: the same story gives the same bytes
        assert [epoch.commitment for epoch in site.epochs()] == commitments
        assert site.found() is None
    done = 0
    while done < RETOLD:
        rewriting = REWRITINGS[done % len(REWRITINGS)]
        with site.retold(rewriting(random, told, random.randrange(len(told)))):
            after = site.entries()
            if after == before:  # a refused redemption left out, say: no movement of anybody is another
                continue
            done += 1
            alone, found = site.found(chain=False), site.found()
        epoch = (first_difference(before, after) - 1) // SIZE + 1
        case = f"seed {seed}: {rewriting.__name__}, from epoch {epoch} on"
        assert alone is None, f"{case}: inside the database nothing contradicts itself"
        assert found is not None, f"{case}: not found"
        assert found.startswith(f"epoch {epoch}: "), f"{case}: {found}"
    assert site.found() is None


def test_a_history_told_again_in_another_contract_is_found_by_who_names_the_first(
    site: Site, told: Requests, random: Random
):
    first = site.contract
    site.move()
    with site.retold(left_out(random, told, 0)):
        site.superuser.execute("DELETE FROM anchor.attempt WHERE target = %s", (first,))
        site.anchor()
        assert site.found() is None, "who believes the database is told that all is well"
        site.contract = first
        assert site.found() == "domain: the commitments stand in another contract than the one that was named"


def test_a_chain_that_was_set_back_is_found(site: Site, tmp_path: Path):
    whole = len(site.epochs())
    assert f"{whole} of them on the chain" in verify_epochs(site.database, 1, site.anchored)
    for folder, known in ((tmp_path / "before", BEFORE), (tmp_path / "none", 0)):
        anchored = partial(commitments, Replica(folder)) if known else nothing
        with pytest.raises(EpochDifferenceError, match="was it set back") as found:
            verify_epochs(site.database, 1, anchored)
        assert found.value.where == f"epoch {known + 1}"


def nothing(_contract: bytes) -> list[bytes]:
    return []
