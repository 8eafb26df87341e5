"""A superuser changes one thing by hand: `verify` must fail and name the place."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from keyuan import ledger
from keyuan.engines.database import Database
from unit.ledger.samples import DAY, HOUR, T0, YEAR, award, capture, hold, key, redeem, void

Superuser = psycopg.Connection[tuple[Any, ...]]
TABLES = ("head", "account", "entry", "key", "lot", "take", "hold")
# Entries: 1–4 awards, 5 redeem, 6 and 7 holds, 8 capture, 9 void, 10 award, 11 expiry, 12 another holder's award.
STORY = [
    award("a1", 10, day=T0.date(), day_points=10),
    award("a2", 20, day=T0.date(), day_points=30, expires_at=T0 + 2 * DAY),
    award("a3", 30, expires_at=None, reference=key("order 3")),
    award("a4", 40, at=T0 + 40 * DAY, expires_at=T0 + 2 * YEAR),
    redeem("r1", 25, reference=key("till 1")),
    hold("h1", 12),
    hold("h2", 10),
    capture("c1", "h1", 4),
    void("v1", "h2"),
    award("a5", 5, at=T0 + DAY, expires_at=T0 + 3 * DAY),
    award("none", 0),
    redeem("too much", 10_000),
]


@pytest.fixture
def told(database: Database) -> Database:
    """Return a database in which both tenants have the same story of every kind of entry."""
    for tenant in (1, 2):
        with database.transaction(tenant) as session:
            ledger.post(session, STORY)
            assert ledger.expire_due(session, T0 + 4 * DAY) == 1
            ledger.post(session, [award("b1", 50, holder=8, at=T0 + 5 * DAY)])
    return database


def report(database: Database, tenant: int = 1) -> ledger.Report:
    with database.transaction(tenant) as session:
        return ledger.verify(session)


@contextmanager
def tampered(superuser: Superuser, statement: str) -> Generator[None]:
    """Run a statement as superuser, and put everything back afterwards."""
    for table in TABLES:
        superuser.execute(sql.SQL("CREATE TABLE public.{0} AS TABLE ledger.{0}").format(sql.Identifier(table)))
    try:
        done = superuser.execute(sql.SQL(statement))  # pyright: ignore[reportArgumentType]
        assert done.rowcount > 0, f"the tampering did nothing: {statement}"
        yield
    finally:
        for table in TABLES:
            superuser.execute(
                sql.SQL(
                    "DELETE FROM ledger.{0}; INSERT INTO ledger.{0} TABLE public.{0}; DROP TABLE public.{0}"
                ).format(sql.Identifier(table))
            )


def assert_found(database: Database, superuser: Superuser, cases: dict[str, tuple[str, str, str]]) -> None:
    """Each statement must be found in this table, at this place, in this column."""
    assert report(database).ok, report(database).words()
    for statement, (table, place, column) in cases.items():
        with tampered(superuser, statement):
            found = report(database).difference
        assert found is not None, f"not found: {statement}"
        assert (found.table, found.place) == (f"ledger.{table}", f"tenant 1, {place}".removesuffix(", ")), (
            statement,
            found.words,
        )
        assert column in found.column, (statement, found.words)
    assert report(database).ok


def test_untouched_books_pass_for_both_tenants(told: Database):
    for tenant in (1, 2):
        assert report(told, tenant).words() == (
            f"PASS: tenant {tenant}, 12 entries, 6 accounts, 6 lots, 2 holds, 14 keys"
        )


def test_an_empty_ledger_passes(database: Database):
    assert report(database).words() == "PASS: tenant 1, 0 entries, 0 accounts, 0 lots, 0 holds, 0 keys"


def test_a_changed_entry_is_found_whatever_the_column(told: Database, superuser: Superuser):
    set_entry = "UPDATE ledger.entry SET {} WHERE tenant = 1 AND seq = {}"
    cases = {
        "points = 11": (1, "points"),
        "points = 24": (5, "points"),
        "key = sha256('x')": (3, "key"),
        "expires_at = expires_at + interval '1 microsecond'": (2, "expires_at"),
        "expires_at = NULL": (4, "expires_at"),
        "expires_at = '2030-01-01'": (3, "expires_at"),
        "target = (SELECT max(account_id) FROM ledger.account WHERE tenant = 1)": (4, "target"),
        "target = 999": (2, "target"),
        "source = 999": (5, "source"),
        "source = (SELECT max(account_id) FROM ledger.account WHERE tenant = 1)": (5, "source"),
        "kind = 3": (5, "kind"),
        "at = at + interval '1 microsecond'": (9, "link"),
        "at = at + interval '40 days'": (6, "link"),
        "at = at - interval '1 microsecond'": (4, "at"),
        "at = at + interval '39 days'": (1, "at"),
        "rule = 'another'": (1, "link"),
        "rule_version = 2": (1, "link"),
        "base_minor = 0": (1, "link"),
        "extra_minor = NULL": (1, "link"),
        "day = day + 1": (1, "link"),
        "day_points = 31": (2, "link"),
        "reference = NULL": (3, "link"),
        "reference = sha256('x')": (5, "link"),
        "lot = 4": (11, "link"),
        "origin = 7": (8, "link"),
        "takes = NULL": (8, "takes"),
        "link = sha256(link)": (10, "link"),
    }
    assert_found(
        told,
        superuser,
        {set_entry.format(change, seq): ("entry", f"entry {seq}", column) for change, (seq, column) in cases.items()},
    )


def test_rows_that_vanish_appear_or_move_are_found(told: Database, superuser: Superuser):
    copy_entry = (
        "INSERT INTO ledger.entry SELECT tenant, {seq}, {at}, kind, source, target, points, lot, origin, expires_at,"
        " rule, rule_version, base_minor, extra_minor, day, day_points, key, reference, takes, link"
        " FROM ledger.entry WHERE tenant = 1 AND seq = 4"
    )
    assert_found(
        told,
        superuser,
        {
            "DELETE FROM ledger.entry WHERE tenant = 1 AND seq = 1": ("entry", "entry 1", "the row"),
            "DELETE FROM ledger.entry WHERE tenant = 1 AND seq = 6": ("entry", "entry 6", "the row"),
            "DELETE FROM ledger.entry WHERE tenant = 1 AND seq = 12": ("entry", "entry 12", "the row"),
            "DELETE FROM ledger.entry WHERE tenant = 1": ("entry", "entry 1", "the row"),
            "UPDATE ledger.entry SET tenant = 2, seq = 13 WHERE tenant = 1 AND seq = 5": (
                "entry", "entry 5", "the row",
            ),
            "UPDATE ledger.entry SET seq = 13 WHERE tenant = 1 AND seq = 5": ("entry", "entry 5", "the row"),
            copy_entry.format(seq=13, at="at"): ("entry", "entry 13", "link"),
            copy_entry.format(seq=4, at="at - interval '31 days'"): ("entry", "entry 4", ""),
            "UPDATE ledger.entry SET seq = 7 - seq WHERE tenant = 1 AND seq IN (3, 4)": (
                "entry", "entry 3", "",
            ),
            "DELETE FROM ledger.account WHERE tenant = 1 AND bucket = 11": ("entry", "entry 1", "source"),
            "INSERT INTO ledger.account SELECT tenant, 99, bucket, 99, brand, currency, name, 0, 0, NULL, 0"
            " FROM ledger.account WHERE tenant = 1 AND bucket = 3": ("account", "account 99", "name"),
            "DELETE FROM ledger.lot WHERE tenant = 1 AND lot = 3": ("lot", "lot 3", "the row"),
            "INSERT INTO ledger.lot VALUES (1, 5, 2, 5, 5, 0, 0, NULL, now())": ("lot", "lot 5", "the row"),
            "INSERT INTO ledger.lot VALUES (1, 50, 2, 5, 5, 0, 0, NULL, now())": ("lot", "lot 50", "the row"),
            "DELETE FROM ledger.key WHERE tenant = 1 AND seq = 3": ("key", "key of entry 3", "the row"),
            "INSERT INTO ledger.key VALUES (1, sha256('x'), sha256('x'), 1, 3, 30)": (
                "key", "key of entry 3", "the row",
            ),
            "INSERT INTO ledger.key VALUES (1, sha256('x'), sha256('x'), 1, 13, 30)": (
                "head", "", "keys",
            ),
            "DELETE FROM ledger.key WHERE tenant = 1 AND answer = 3": ("head", "", "keys"),
            "DELETE FROM ledger.take WHERE tenant = 1 AND seq = 5 AND lot = 2": ("take", "entry 5", "sum of points"),
            "INSERT INTO ledger.take VALUES (1, 12, 3, 1)": ("take", "entry 12", "sum of points"),
            "DELETE FROM ledger.hold WHERE tenant = 1 AND hold = 7": ("hold", "hold 7", "the row"),
            "INSERT INTO ledger.hold SELECT 1, 8, sha256('x'), available_id, account_id, 1, 0, expires_at"
            " FROM ledger.hold WHERE tenant = 1 AND hold = 7": ("hold", "hold 8", "the row"),
            "DELETE FROM ledger.head WHERE tenant = 1": ("head", "", "seq"),
        },
    )  # fmt: skip


def test_a_changed_account_lot_or_balance_is_found(told: Database, superuser: Superuser):
    set_account = "UPDATE ledger.account SET {} WHERE tenant = 1 AND bucket = {} AND holder IN (0, 7)"
    set_lot = "UPDATE ledger.lot SET {} WHERE tenant = 1 AND lot = {}"
    accounts = {
        set_account.format("balance = balance + 1", 2): ("account", "account 2", "balance"),
        set_account.format("balance = balance - 1", 2): ("account", "account 2", "balance"),
        set_account.format("balance = balance + 1", 3): ("account", "account 4", "balance"),
        set_account.format("balance = balance - 1", 11): ("account", "account -1", "balance"),
        set_account.format("balance = balance + 1", 12): ("account", "account -3", "balance"),
        set_account.format("balance = balance + 1", 13): ("account", "account -5", "balance"),
        set_account.format("legs = legs + 1", 2): ("account", "account 2", "legs"),
        set_account.format("day = day + 1", 2): ("account", "account 2", "day"),
        set_account.format("day_points = 0", 2): ("account", "account 2", "day_points"),
        set_account.format("holder = 99", 2): ("account", "account 2", "name"),
        set_account.format("brand = 'other'", 2): ("account", "account 2", "name"),
        set_account.format("currency = 'other'", 11): ("account", "account -1", "name"),
        set_account.format("bucket = 4", 3): ("account", "account 4", "name"),
        set_account.format("name = sha256(name)", 3): ("account", "account 4", "name"),
        set_account.format("account_id = 77", 3): ("entry", "entry 6", "target"),
    }
    lots = {
        set_lot.format("remaining = remaining - 1", 3): ("lot", "lot 3", "remaining"),
        set_lot.format("remaining = remaining - 1, held = held - 1", 1): ("lot", "lot 1", "remaining"),
        set_lot.format("held = held + 1", 3): ("lot", "lot 3", "held"),
        set_lot.format("expired = 1", 2): ("lot", "lot 2", "expired"),
        set_lot.format("remaining = 1", 2): ("lot", "lot 2", "remaining"),
        set_lot.format("granted = 31", 3): ("lot", "lot 3", "granted"),
        set_lot.format("account_id = 6", 3): ("lot", "lot 3", "account_id"),
        set_lot.format("expires_at = expires_at + interval '1 day'", 1): ("lot", "lot 1", "expires_at"),
        set_lot.format("expires_at = '2018-01-01'", 3): ("lot", "lot 3", "expires_at"),
        set_lot.format("expires_at = NULL", 1): ("lot", "lot 1", "expires_at"),
        set_lot.format("at = at + interval '1 microsecond'", 2): ("lot", "lot 2", "at"),
        set_lot.format("at = at - interval '1 month'", 4): ("lot", "lot 4", "at"),
        set_lot.format("at = expires_at", 10): ("lot", "lot 10", "at"),
    }
    assert_found(told, superuser, accounts | lots)


def test_a_changed_key_take_hold_or_head_is_found(told: Database, superuser: Superuser):
    set_key = "UPDATE ledger.key SET {} WHERE tenant = 1 AND seq = {}"
    set_hold = "UPDATE ledger.hold SET {} WHERE tenant = 1 AND hold = {}"
    keys = {
        set_key.format(change, seq): ("key", f"key of entry {seq}", column)
        for change, seq, column in (
            ("key = sha256(key)", 3, "key"),
            ("points = points + 1", 5, "points"),
            ("seq = 13", 12, "the row"),
            ("answer = 3, seq = NULL, points = 0", 4, "the row"),
            *(("digest = sha256(digest)", seq, "digest") for seq in range(1, 13)),
        )
    }
    holds = {
        set_hold.format(change, number): ("hold", f"hold {number}", column)
        for change, number, column in (
            ("remaining = 7", 6, "remaining"),
            ("remaining = 1", 7, "remaining"),
            ("points = 13", 6, "points"),
            ("key = sha256(key)", 6, "key"),
            ("account_id = 2", 6, "account_id"),
            ("available_id = 4", 6, "available_id"),
            ("expires_at = expires_at + interval '1 hour'", 6, "expires_at"),
        )
    }
    rest = {
        "UPDATE ledger.take SET points = points + 1 WHERE tenant = 1 AND seq = 11": ("take", "entry 11", "points"),
        "UPDATE ledger.take SET lot = 3 WHERE tenant = 1 AND seq = 6 AND lot = 1": ("take", "entry 6", "digest"),
        "UPDATE ledger.head SET link = sha256(link) WHERE tenant = 1": ("head", "", "link"),
        "UPDATE ledger.head SET seq = 11 WHERE tenant = 1": ("head", "", "seq"),
        "UPDATE ledger.head SET seq = 13 WHERE tenant = 1": ("entry", "entry 13", "the row"),
        "UPDATE ledger.head SET accounts = 8 WHERE tenant = 1": ("head", "", "accounts"),
        "UPDATE ledger.head SET keys = 1 WHERE tenant = 1": ("head", "", "keys"),
    }
    assert_found(told, superuser, keys | holds | rest)


def test_a_changed_key_without_an_entry_is_found(told: Database, superuser: Superuser):
    """An award of nothing and a refusal have no entry to be compared with, yet their keys must stay burnt."""
    for answer in (2, 3):
        for change in ("key = sha256(key)", "digest = sha256(digest)", "answer = 5", "self = NULL", "self = key"):
            with tampered(superuser, f"UPDATE ledger.key SET {change} WHERE tenant = 1 AND answer = {answer}"):
                found = report(told).difference
            assert found is not None, f"not found: {change}"
            assert (found.table, found.place[:14], found.column[:4]) == ("ledger.key", "tenant 1, key ", "self")


def test_an_instant_that_no_calendar_holds_is_found_where_it_stands(told: Database, superuser: Superuser):
    set_cell = "UPDATE ledger.{} SET {} = '{}' WHERE tenant = 1 AND {}"
    cells = {
        ("entry", "expires_at", "seq = 2"): "entry 2",
        ("entry", "day", "seq = 1"): "entry 1",
        ("account", "day", "account_id = 2"): "account 2",
        ("lot", "expires_at", "lot = 4"): "lot 4",
        ("lot", "at", "lot = 3"): "lot 3",
        ("hold", "expires_at", "hold = 6"): "hold 6",
    }
    for (table, column, which), place in cells.items():
        instants = ("infinity", "-infinity", "12345-01-01", "0044-03-15 BC")
        cases = {set_cell.format(table, column, odd, which): (table, place, column) for odd in instants}
        assert_found(told, superuser, cases)


def test_what_happens_to_one_tenant_is_not_seen_by_the_other(told: Database, superuser: Superuser):
    superuser.execute("UPDATE ledger.entry SET points = points + 1 WHERE tenant = 2")
    assert report(told, 1).ok
    assert not report(told, 2).ok


def test_books_can_be_checked_while_others_write(told: Database):
    with told.transaction(1) as session:
        assert ledger.verify(session).ok
        with told.transaction(2) as other:
            assert ledger.post(other, [award("meanwhile", at=T0 + HOUR)])[0].posted
    assert report(told, 2).ok
