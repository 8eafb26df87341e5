"""Writing what a batch has changed of the books, set by set, in the caller's transaction.

All of it is written `later` (see `engines.database.Session`): a difference with what was read, which is always a
`LedgerCorruptionError`, is raised by the next statement or by the commit.
Deliberately not here: decisions (`decide`), commit (the caller's) and questions (`reads`).
Units: points; instants are aware UTC datetimes.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from keyuan.engines.database import Session, load_statements
from keyuan.ledger.decisions import Decisions
from keyuan.ledger.model import Kind, LedgerCorruptionError
from keyuan.ledger.state import Head

_SQL = load_statements(__package__ or "")

_ENTRY: Final = {
    "seq": "int8", "at": "timestamptz", "kind": "int2", "source": "int8", "target": "int8", "points": "int8",
    "lot": "int8", "origin": "int8", "expires_at": "timestamptz", "rule": "text", "rule_version": "int8",
    "base_minor": "int8", "extra_minor": "int8", "day": "date", "day_points": "int8", "key": "bytea",
    "reference": "bytea", "takes": "bytea", "link": "bytea", "digest": "bytea",
}  # fmt: skip
_KEY: Final = {"key": "bytea", "digest": "bytea", "answer": "int2"}
_TAKE: Final = {"seq": "int8", "lot": "int8", "points": "int8"}
_ACCOUNT_NEW: Final = {
    "account_id": "int8", "bucket": "int2", "holder": "int8", "brand": "text", "currency": "text", "name": "bytea",
    "balance": "int8", "legs": "int8", "day": "date", "day_points": "int8",
}  # fmt: skip
_ACCOUNT: Final = {
    "account_id": "int8", "balance": "int8", "balance_before": "int8", "legs": "int8", "day": "date",
    "day_points": "int8",
}  # fmt: skip
_LOT: Final = {
    "lot": "int8", "remaining": "int8", "held": "int8", "expired": "int8", "remaining_before": "int8",
    "held_before": "int8",
}  # fmt: skip
_HOLD_NEW: Final = {
    "hold": "int8", "key": "bytea", "available_id": "int8", "account_id": "int8", "points": "int8",
    "remaining": "int8", "expires_at": "timestamptz",
}  # fmt: skip
_HOLD: Final = {"hold": "int8", "remaining": "int8", "remaining_before": "int8"}

_KIND: Final = list(_ENTRY).index("kind")

Row = tuple[Any, ...]
_Write = Callable[[Session, str, str, dict[str, str], list[Row]], None]
_Writing = tuple[_Write, str, str, dict[str, str], list[Row]]


def keep(session: Session, decisions: Decisions, before: Head, after: Head) -> None:
    """Write a batch that began at one head of the chain and ends at another.

    The rows are made now, so the decisions may go on to change; they are written later.
    """
    entries = decisions.entries
    rows = [
        (*entry, link, digest) for entry, link, digest in zip(entries, decisions.links, decisions.digests, strict=True)
    ]
    months = {date(year, month, 1) for year, month in {(entry.at.year, entry.at.month) for entry in entries}}
    writes = _writes(decisions)
    for account in decisions.accounts.values():
        account.balance_before, account.is_new = account.balance, False

    def write(session: Session) -> None:
        if rows:
            _write_entries(session, rows, months)
        for way, statement, name, columns, cells in writes:
            way(session, statement, name, columns, cells)
        _move_head(session, before, after)

    session.later(write)


def _writes(decisions: Decisions) -> list[_Writing]:
    """What is written besides entries, each with its way of writing, statement, staging table and columns."""
    touched = decisions.accounts.values()
    return [
        (_add, "add_accounts", "ledger_account_new", _ACCOUNT_NEW, [
            (a.account_id, a.bucket, a.holder, a.brand, a.currency, a.name, a.balance, a.legs, a.day, a.day_points)
            for a in touched if a.is_new
        ]),
        (_change, "change_accounts", "ledger_account", _ACCOUNT, [
            (a.account_id, a.balance, a.balance_before, a.legs, a.day, a.day_points) for a in touched if not a.is_new
        ]),
        (_add, "add_keys", "ledger_key", _KEY, [
            (row.key, row.digest, row.answer) for row in decisions.keys if row.seq is None
        ]),
        (_add, "add_takes", "ledger_take", _TAKE, decisions.takes),
        (_change, "change_lots", "ledger_lot", _LOT, [
            (lot.lot, lot.remaining, lot.held, lot.expired, lot.remaining_before, lot.held_before)
            for lot in decisions.lots.values()
        ]),
        (_add, "add_holds", "ledger_hold_new", _HOLD_NEW, [
            (h.hold, h.key, h.available_id, h.account_id, h.points, h.remaining, h.expires_at)
            for h in decisions.holds.values() if h.is_new
        ]),
        (_change, "change_holds", "ledger_hold", _HOLD, [
            (h.hold, h.remaining, h.remaining_before) for h in decisions.holds.values() if not h.is_new
        ]),
    ]  # fmt: skip


def _write_entries(session: Session, rows: list[Row], months: set[date]) -> None:
    for month in sorted(months):
        session.ensure(_SQL["ensure_month"], month=month)
    _add(session, "add_entries", "ledger_entry", _ENTRY, rows)
    awards = sum([row[_KIND] == Kind.AWARD for row in rows])
    for statement, expected in (("add_keys_of_entries", len(rows)), ("add_lots_of_entries", awards)):
        _check_count(session, statement, session.execute(_SQL[statement], tenant=session.tenant), expected)


def _add(session: Session, statement: str, name: str, columns: dict[str, str], rows: list[Row]) -> None:
    """Stage new rows and insert them."""
    if rows:
        session.stage(name, columns, rows, narrow=True)
        _check_count(session, statement, session.execute(_SQL[statement], tenant=session.tenant), len(rows))


def _change(session: Session, statement: str, name: str, columns: dict[str, str], rows: list[Row]) -> None:
    """Stage changed rows and update them; the first column is the number."""
    if rows:
        session.stage(name, columns, rows, narrow=True)
        _check_count(session, statement, session.execute(_SQL[statement], ids=[row[0] for row in rows]), len(rows))


def _check_count(session: Session, statement: str, touched: int, expected: int) -> None:
    """Each row must count: one that is left out was changed by somebody else since it was read."""
    if touched != expected:
        raise LedgerCorruptionError("somebody wrote past the lock", statement=statement, tenant=session.tenant)


def _move_head(session: Session, before: Head, after: Head) -> None:
    if before.keys == 0:
        session.execute(_SQL["begin_head"], tenant=session.tenant, **after._asdict())
    elif session.execute(_SQL["move_head"], seq_before=before.seq, keys_before=before.keys, **after._asdict()) != 1:
        raise LedgerCorruptionError("the head moved under the lock", tenant=session.tenant)
