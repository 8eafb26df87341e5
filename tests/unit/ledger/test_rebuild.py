"""Every cell of every table is changed, every row dropped and doubled: the rebuild must find each."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from keyuan.ledger import Expire
from keyuan.ledger.audit import Books, LedgerDifferenceError, rebuild
from keyuan.ledger.canonical import account_name, entry_bytes, expire_key, first_link, next_link
from keyuan.ledger.model import Bucket
from unit.ledger.memory import MemoryLedger
from unit.ledger.samples import (
    DAY,
    HOUR,
    T0,
    award,
    capture,
    fund,
    hold,
    key,
    redeem,
    release,
    reserve,
    spend,
    void,
)

TABLES = ("accounts", "entries", "takes", "lots", "holds", "posted_keys")
# Columns that may be absent, with a value of their type.
NULLABLE: dict[str, dict[int, Any]] = {
    "accounts": {8: T0.date()},
    "entries": {
        6: 1, 7: 1, 8: T0, 9: "x", 10: 0, 11: 0, 12: 0, 13: T0.date(), 14: 0, 16: key("x"), 17: key("x"),
    },
    "lots": {6: T0},
}  # fmt: skip
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def books() -> Books:
    memory = MemoryLedger()
    memory.post(
        [
            award("a", 10, day=T0.date(), day_points=10),
            award("b", 20, expires_at=None, reference=key("order")),
            award("c", 30, expires_at=T0 + DAY),
            hold("h", 35),
            capture("c1", "h", 4),
            redeem("r", 7, reference=key("till")),
            hold("g", 3, expires_at=T0 + HOUR),
            void("v", "g"),
            award("d", 5, holder=8, brand="bank"),
            void("w", "h"),
            Expire(key=expire_key(1, 3, 0), lot=3, expired=0, at=T0 + DAY),
            award("none", 0),
            redeem("short", 1000),
            fund("f", 1000, reference=key("launch")),
            reserve("s", 600),
            spend("p", 200, reference=key("coupon")),
            release("x", 100),
            fund("f8", 50, campaign=8, currency="CNY"),
            reserve("too much", 1000),
        ]
    )
    return memory.books()


def other(value: Any) -> Iterator[Any]:
    """Values that are not this one."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1)
        case str():
            yield value + "x"
        case bytes():
            yield bytes((value[0] ^ 1,)) + value[1:]
        case datetime():
            yield value + timedelta(microseconds=1)
        case date():
            yield value + timedelta(days=1)
        case _:
            yield from ()


def rows(books: Books, table: str) -> list[Row]:
    return list(getattr(books, table))


def changed(books: Books, table: str) -> Iterator[tuple[str, Books]]:
    """The books with one cell changed, one row dropped, one row doubled."""
    stored = rows(books, table)
    for place, row in enumerate(stored):
        yield f"{table} {row} dropped", replace(books, **{table: stored[:place] + stored[place + 1 :]})
        yield f"{table} {row} doubled", replace(books, **{table: [*stored[: place + 1], *stored[place:]]})
        for column, value in enumerate(row):
            absent = NULLABLE.get(table, {})
            opposite = [None if value is not None else absent[column]] if column in absent else []
            for wrong in [*other(value), *opposite]:
                cells = (*row[:column], wrong, *row[column + 1 :])
                yield (
                    f"{table} {row} column {column} = {wrong}",
                    replace(books, **{table: [*stored[:place], cells, *stored[place + 1 :]]}),
                )


def test_the_untouched_books_pass(books: Books):
    assert rebuild(books).entries == 16
    assert all(rows(books, table) for table in TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_any_change_of_any_cell_is_found(books: Books, table: str):
    for what, wrong in changed(books, table):
        with pytest.raises(LedgerDifferenceError):
            rebuild(wrong)
            pytest.fail(what)


@pytest.mark.parametrize("head", [None, (15,), (17,), (16, b"x" * 32), (16, None, 9), (16, None, None, 3)])
def test_a_changed_head_is_found(books: Books, head: Row | None):
    stored: Row = books.head or ()
    given = () if head is None else head
    wrong = [new if new is not None else old for new, old in zip(given, stored, strict=False)]
    with pytest.raises(LedgerDifferenceError):
        rebuild(replace(books, head=None if head is None else (*wrong, *stored[len(wrong) :])))


def test_the_books_of_one_tenant_are_not_those_of_another(books: Books):
    with pytest.raises(LedgerDifferenceError, match="must be"):
        rebuild(replace(books, tenant=2))


def recast(**changes: int) -> Books:
    """The books of somebody who changed an account and made all the links anew."""
    memory = MemoryLedger()
    memory.post([fund("f", 1000), fund("g", 500, campaign=8), reserve("r", 400)])
    account = memory.state.accounts[Bucket.BUDGET_RESERVED, 7, "market", "USD"]
    for name, value in changes.items():
        setattr(account, name, value)
    account.name = account_name(account.bucket, account.holder, account.brand, account.currency)
    link, links = first_link(1), list[bytes]()
    for entry in memory.entries:
        names = (memory.state.by_id[number].name for number in (entry.source, entry.target))
        link = next_link(link, entry_bytes(1, entry, *names))
        links.append(link)
    rewritten = replace(memory.books(), entries=[(*e, mark) for e, mark in zip(memory.entries, links, strict=True)])
    return replace(rewritten, head=(memory.state.seq, link, memory.state.accounts_made, memory.state.keys_kept))


def test_even_a_rewritten_history_moves_money_within_one_campaign():
    assert rebuild(recast()).entries == 3
    with pytest.raises(LedgerDifferenceError, match="of two campaigns"):
        rebuild(recast(holder=8))


def test_even_a_rewritten_history_has_no_overdrawn_budget():
    memory = MemoryLedger()
    memory.post([fund("f", 100), reserve("r", 100)])
    memory.state.accounts[Bucket.BUDGET_FREE, 7, "market", "USD"].balance = 50
    memory.post([reserve("more", 50)])
    with pytest.raises(LedgerDifferenceError, match="points is 50, must be at most 0"):
        rebuild(memory.books())


def test_the_number_of_an_account_says_whether_a_holder_has_it():
    memory = MemoryLedger()
    memory.post([fund("f", 100)])
    stored = rows(memory.books(), "accounts")
    wrong = [(-row[0] if row[1] == Bucket.BUDGET_FREE else row[0], *row[1:]) for row in stored]
    with pytest.raises(LedgerDifferenceError, match="account_id is 2, must be above 0 for holders only"):
        rebuild(replace(memory.books(), accounts=wrong))
