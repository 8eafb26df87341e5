"""Batches into the books: load what a batch touches, decide it, write it set by set, in the caller's transaction.

Deliberately not here: decisions (`decide`), commit (the caller's) and questions (`reads`).
Units: points; instants are aware UTC datetimes.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import to_us
from keyuan.ledger.canonical import expire_key, release_key
from keyuan.ledger.decide import Decisions, decide
from keyuan.ledger.model import (
    BATCH_MAX,
    Answer,
    Award,
    Bucket,
    Capture,
    Expire,
    Hold,
    Kind,
    LedgerCorruptionError,
    LedgerInputError,
    Outcome,
    Redeem,
    Request,
    Void,
)
from keyuan.ledger.state import Account, Held, KeyRow, Lot, State, lot_us

_SQL = load_statements(__package__ or "")
LOCK_ROOM: Final = 0x6C656467  # "ledg": the first half of the advisory lock, the tenant is the second

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

Row = tuple[Any, ...]


def lock_books(session: Session) -> None:
    """Be the only writer of this tenant's ledger until the transaction ends; may be called more than once."""
    session.execute(_SQL["lock_books"], room=LOCK_ROOM, tenant=session.tenant)


def post(session: Session, requests: Sequence[Request]) -> list[Outcome]:
    """Answer a batch of at most BATCH_MAX requests in order, and write what they change.

    A refusal or a conflict is an answer, not an error; `Outcome.error()` makes one of it.

    Raises:
        LedgerInputError: too many requests.
        StaleDayError: an award does not continue its day's total; nothing was written.
        LedgerCorruptionError: the books contradict themselves; nothing was written.
    """
    if len(requests) > BATCH_MAX:
        raise LedgerInputError(f"a batch has at most {BATCH_MAX} requests", requests=len(requests))
    if not requests:
        return []
    lock_books(session)
    state = _load(session, requests)
    before = (state.seq, state.keys_kept)
    decisions = decide(state, requests)
    if decisions.keys:
        _keep(session, decisions)
        _move_head(session, state, before)
    return decisions.outcomes


def expire_due(session: Session, now: datetime, limit: int = BATCH_MAX) -> int:
    """Expire what is free of the lots that are due at `now`, first due first; how many entries that made.

    Call it again until it returns 0. What is on hold stays, and expires in a later run if it is given back.
    """
    lock_books(session)
    due = session.rows(_SQL["due_lots"], now=now, limit=min(limit, BATCH_MAX))
    tenant = session.tenant
    outcomes = post(
        session,
        [Expire(key=expire_key(tenant, lot, expired), lot=lot, expired=expired, at=now) for lot, expired in due],
    )
    return _all_posted(outcomes)


def release_due(session: Session, now: datetime, limit: int = BATCH_MAX) -> int:
    """Give back what is left of the holds whose time is out at `now`; how many entries that made."""
    lock_books(session)
    due = session.rows(_SQL["due_holds"], now=now, limit=min(limit, BATCH_MAX))
    tenant = session.tenant
    outcomes = post(session, [Void(key=release_key(tenant, hold), hold=key, at=now) for hold, key in due])
    return _all_posted(outcomes)


def _all_posted(outcomes: Sequence[Outcome]) -> int:
    for outcome in outcomes:
        # Found due under the lock, so neither a repeat nor a refusal is possible; a caller would loop for ever.
        if not outcome.posted or outcome.repeated:
            raise LedgerCorruptionError("what is due cannot be settled", key=outcome.key.hex())
    return len(outcomes)


def _load(session: Session, requests: Sequence[Request]) -> State:
    state = State(session.tenant)
    head = session.row(_SQL["head"])
    if head is not None:
        state.seq, state.link, state.accounts_made, state.keys_kept = head
    rows = session.rows(_SQL["known_keys"], keys=list({request.key for request in requests}))
    state.keys = {key: KeyRow(key, digest, Answer(answer), seq, points) for key, digest, answer, seq, points in rows}
    fresh = [request for request in requests if request.key not in state.keys]
    awards = [r for r in fresh if type(r) is Award]
    spends = [r for r in fresh if type(r) is Redeem or type(r) is Hold]
    holds, lots = _load_settled(session, state, fresh) if len(awards) + len(spends) < len(fresh) else ([], [])
    brands = {r.brand for r in awards} | {r.brand for r in spends} | {a.brand for a in state.by_id.values()}
    holders = {r.holder for r in awards} | {r.holder for r in spends}
    rows = session.rows(_SQL["accounts_of_holders"], holders=[0, *holders], brands=list(brands)) if brands else []
    _keep_accounts(state, rows)
    _load_queues(session, state, spends, lots)
    _link_holds(session, state, holds)
    _load_earlier_days(session, state, awards)
    return state


def _load_settled(session: Session, state: State, fresh: Sequence[Request]) -> tuple[list[Row], list[Row]]:
    """The rows of the holds and lots that captures, releases and expiries name; their accounts go into the state."""
    keys = [r.hold for r in fresh if isinstance(r, Capture | Void)]
    numbers = [r.lot for r in fresh if isinstance(r, Expire)]
    holds = session.rows(_SQL["holds_by_key"], keys=keys) if keys else []
    takes = session.rows(_SQL["takes_of"], seqs=[row[0] for row in holds]) if holds else []
    numbers += [lot for _seq, lot, _points in takes]
    lots = session.rows(_SQL["lots_by_number"], lots=list(set(numbers))) if numbers else []
    ids = {row[1] for row in lots} | {row[2] for row in holds} | {row[3] for row in holds}
    if ids:
        _keep_accounts(state, session.rows(_SQL["accounts_by_id"], account_ids=list(ids)))
    by_hold: dict[int, list[tuple[int, int]]] = {}
    for seq, lot, points in takes:
        by_hold.setdefault(seq, []).append((lot, points))
    return [(*row, by_hold.get(row[0], [])) for row in holds], lots


def _keep_accounts(state: State, rows: Iterable[Row]) -> None:
    for account_id, bucket, holder, brand, currency, name, balance, legs, day, day_points in rows:
        if account_id not in state.by_id:
            state.keep_account(
                Account(account_id, bucket, holder, brand, currency, name, balance, legs, day, day_points, balance)
            )


def _load_queues(session: Session, state: State, spends: Sequence[Redeem | Hold], settled: Sequence[Row]) -> None:
    """Lots in the order of spending for every account that may spend; the settled ones are the same records."""
    names = {(Bucket.AVAILABLE, r.holder, r.brand, r.currency) for r in spends}
    spenders = [state.accounts[name].account_id for name in names if name in state.accounts]
    queued = session.rows(_SQL["lots_of_accounts"], account_ids=spenders) if spenders else []
    state.lots_of = {account_id: [] for account_id in spenders}
    for row in {row[0]: row for row in (*settled, *queued)}.values():
        lot, account_id, granted, remaining, held, expired, expires_at = row
        record = Lot(
            lot, account_id, granted, remaining, held, expired, expires_at, lot_us(expires_at), remaining, held
        )
        state.lots[lot] = record
        if account_id in state.lots_of:
            state.lots_of[account_id].append(record)
    for queue in state.lots_of.values():
        queue.sort()


def _link_holds(session: Session, state: State, holds: Sequence[Row]) -> None:
    for hold, key, available_id, account_id, points, remaining, expires_at, pairs in holds:
        if any(lot not in state.lots for lot, _part in pairs):
            raise LedgerCorruptionError("a hold's lots are missing", tenant=session.tenant, hold=hold)
        takes = sorted((state.lots[lot], part) for lot, part in pairs)
        state.holds[key] = Held(
            hold, key, available_id, account_id, points, remaining, expires_at, to_us(expires_at), takes, remaining
        )


def _load_earlier_days(session: Session, state: State, awards: Sequence[Award]) -> None:
    """Totals of days before an account's latest: a purchase that comes late counts on them."""
    late: set[tuple[int, date]] = set()
    for award in awards:
        account = state.accounts.get((Bucket.AVAILABLE, award.holder, award.brand, award.currency))
        if account is not None and account.day and award.day and award.day < account.day:
            late.add((account.account_id, award.day))
    state.earlier_days = earned_on_days(session, late)


def earned_on_days(session: Session, pairs: Iterable[tuple[int, date]]) -> dict[tuple[int, date], int]:
    """What was earned on (account, day), from entries; slow, meant for days before the account's latest."""
    wanted = sorted(pairs)
    if not wanted:
        return {}
    rows = session.rows(
        _SQL["earned_on_days"],
        account_ids=[account_id for account_id, _day in wanted],
        days=[day for _account_id, day in wanted],
    )
    return {(account_id, day): points for account_id, day, points in rows}


def _keep(session: Session, decisions: Decisions) -> None:
    _keep_accounts_changed(session, decisions.accounts.values())
    _keep_entries(session, decisions)
    unposted = [(row.key, row.digest, row.answer) for row in decisions.keys if row.answer is not Answer.POSTED]
    _add(session, "add_keys", "ledger_key", _KEY, unposted)
    _add(session, "add_takes", "ledger_take", _TAKE, decisions.takes)
    _change(session, "change_lots", "ledger_lot", _LOT, [
        (lot.lot, lot.remaining, lot.held, lot.expired, lot.remaining_before, lot.held_before)
        for lot in decisions.lots.values()
    ])  # fmt: skip
    _add(session, "add_holds", "ledger_hold_new", _HOLD_NEW, [
        (h.hold, h.key, h.available_id, h.account_id, h.points, h.remaining, h.expires_at)
        for h in decisions.holds.values() if h.is_new
    ])  # fmt: skip
    _change(session, "change_holds", "ledger_hold", _HOLD, [
        (h.hold, h.remaining, h.remaining_before) for h in decisions.holds.values() if not h.is_new
    ])  # fmt: skip


def _keep_accounts_changed(session: Session, accounts: Iterable[Account]) -> None:
    touched = list(accounts)
    _add(session, "add_accounts", "ledger_account_new", _ACCOUNT_NEW, [
        (a.account_id, a.bucket, a.holder, a.brand, a.currency, a.name, a.balance, a.legs, a.day, a.day_points)
        for a in touched if a.is_new
    ])  # fmt: skip
    _change(session, "change_accounts", "ledger_account", _ACCOUNT, [
        (a.account_id, a.balance, a.balance_before, a.legs, a.day, a.day_points)
        for a in touched if not a.is_new
    ])  # fmt: skip


def _keep_entries(session: Session, decisions: Decisions) -> None:
    """The entries, and what follows from them row by row: their keys, and a whole lot for each award."""
    entries = decisions.entries
    if not entries:
        return
    session.rows(_SQL["ensure_months"], months=sorted({date(entry.at.year, entry.at.month, 1) for entry in entries}))
    rows = [(*row, link, digest) for row, link, digest in zip(entries, decisions.links, decisions.digests, strict=True)]
    _add(session, "add_entries", "ledger_entry", _ENTRY, rows)
    awards = sum(entry.kind == Kind.AWARD for entry in entries)
    for statement, expected in (("add_keys_of_entries", len(entries)), ("add_lots_of_entries", awards)):
        _check_count(session, statement, session.execute(_SQL[statement], tenant=session.tenant), expected)


def _add(session: Session, statement: str, name: str, columns: dict[str, str], rows: list[Row]) -> None:
    """Stage new rows and insert them."""
    if rows:
        session.stage(name, columns, rows)
        _check_count(session, statement, session.execute(_SQL[statement], tenant=session.tenant), len(rows))


def _change(session: Session, statement: str, name: str, columns: dict[str, str], rows: list[Row]) -> None:
    """Stage changed rows and update them; the first column is the number."""
    if rows:
        session.stage(name, columns, rows)
        _check_count(session, statement, session.execute(_SQL[statement], ids=[row[0] for row in rows]), len(rows))


def _check_count(session: Session, statement: str, touched: int, expected: int) -> None:
    """Each row must count: one that is left out was changed by somebody else since it was read."""
    if touched != expected:
        raise LedgerCorruptionError("somebody wrote past the lock", statement=statement, tenant=session.tenant)


def _move_head(session: Session, state: State, before: tuple[int, int]) -> None:
    seq_before, keys_before = before
    moved = {"seq": state.seq, "link": state.link, "accounts": state.accounts_made, "keys": state.keys_kept}
    if keys_before == 0:
        session.execute(_SQL["begin_head"], tenant=session.tenant, **moved)
    elif session.execute(_SQL["move_head"], seq_before=seq_before, keys_before=keys_before, **moved) != 1:
        raise LedgerCorruptionError("the head moved under the lock", tenant=session.tenant)
