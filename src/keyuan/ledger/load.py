"""Reading what a batch touches of the books: accounts, and the lots and holds behind spends and settlements.

Deliberately not here: decisions (`decide`) and the lock under which this is read (`books`).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from keyuan.engines.database import Row, Session, load_statements
from keyuan.kernel.clock import to_us
from keyuan.ledger.memory import Memory
from keyuan.ledger.model import Bucket, LedgerCorruptionError
from keyuan.ledger.requests import Award, BudgetMove, Capture, Expire, Hold, Redeem, Request, Void
from keyuan.ledger.state import Account, Held, Lot, State, lot_us

_SQL = load_statements(__package__ or "")
_FIRST_LOTS: Final = 8
_AVAILABLE: Final = int(Bucket.AVAILABLE)


class _Demand(NamedTuple):
    """The most points that an account may give in a batch, and when it does first and last."""

    points: int
    first: datetime
    last: datetime


def load(session: Session, state: State, memory: Memory, requests: Iterable[Request]) -> None:
    """Bring everything into the state that requests with new keys need to be decided."""
    known = state.keys
    fresh = [request for request in requests if request.key not in known] if known else list(requests)
    awards = [r for r in fresh if type(r) is Award]
    spends = [r for r in fresh if type(r) is Redeem or type(r) is Hold] if len(awards) < len(fresh) else []
    others = fresh if len(awards) + len(spends) < len(fresh) else []
    holds, lots = _load_settled(session, memory, others) if others else ([], [])
    _load_budgets(session, memory, others)
    wanted = {memory.by_id[number].brand: set[int]() for number in _ids(holds, lots) if number in memory.by_id}
    for request in (*awards, *spends):
        wanted.setdefault(request.brand, set()).add(request.holder)
    for brand, holders in wanted.items():
        load_accounts(session, memory, brand, holders)
    _load_queues(session, state, spends, lots)
    _link_holds(session, state, holds)
    _load_late_days(session, state, memory, awards)


def load_accounts(session: Session, memory: Memory, brand: str, holders: set[int]) -> None:
    """Have all accounts of these holders in a brand in memory, and those of the brand itself (holder 0)."""
    complete = memory.complete.setdefault(brand, set())
    missing = holders - complete
    if 0 not in complete:
        missing.add(0)
    if missing:
        _keep_accounts(memory, session.rows(_SQL["accounts_of_holders"], holders=list(missing), brand=brand))
        complete |= missing


def _load_budgets(session: Session, memory: Memory, requests: Iterable[Request]) -> None:
    """Have the accounts of all campaigns in memory whose money is to move."""
    wanted: dict[str, set[int]] = {}
    for request in requests:
        if isinstance(request, BudgetMove):
            wanted.setdefault(request.brand, set()).add(request.campaign)
    for brand, campaigns in wanted.items():
        complete = memory.budgets.setdefault(brand, set())
        if missing := campaigns - complete:
            rows = session.rows(_SQL["accounts_of_budgets"], campaigns=list(missing), brand=brand)
            _keep_accounts(memory, rows)
            complete |= missing


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


def _keep_accounts(memory: Memory, rows: Iterable[Row]) -> None:
    for account_id, bucket, holder, brand, currency, name, balance, legs, day, day_points in rows:
        if account_id not in memory.by_id:
            account = Account(
                account_id, bucket, holder, brand, currency, name, balance, legs, day, day_points, balance
            )
            memory.accounts.add(account)
            if day is not None:
                memory.newest_day = max(memory.newest_day, day)
            memory.by_id[account_id] = account


def _ids(holds: Iterable[Row], lots: Iterable[Row]) -> set[int]:
    """The accounts behind holds and lots that are settled."""
    return {row[1] for row in lots} | {row[2] for row in holds} | {row[3] for row in holds}


def _load_settled(session: Session, memory: Memory, fresh: Sequence[Request]) -> tuple[list[Row], list[Row]]:
    """The rows of the holds and lots that captures, releases and expiries name; their accounts go into memory."""
    keys = [r.hold for r in fresh if isinstance(r, Capture | Void)]
    numbers = [r.lot for r in fresh if isinstance(r, Expire)]
    holds = session.rows(_SQL["holds_by_key"], keys=keys) if keys else []
    takes = session.rows(_SQL["takes_of"], seqs=[row[0] for row in holds]) if holds else []
    numbers += [lot for _seq, lot, _points in takes]
    lots = session.rows(_SQL["lots_by_number"], lots=list(set(numbers))) if numbers else []
    unknown = [account_id for account_id in _ids(holds, lots) if account_id not in memory.by_id]
    if unknown:
        _keep_accounts(memory, session.rows(_SQL["accounts_by_id"], account_ids=unknown))
    by_hold: dict[int, list[tuple[int, int]]] = {}
    for seq, lot, points in takes:
        by_hold.setdefault(seq, []).append((lot, points))
    return [(*row, by_hold.get(row[0], [])) for row in holds], lots


def _load_queues(session: Session, state: State, spends: Sequence[Redeem | Hold], settled: Sequence[Row]) -> None:
    """Lots in the order of spending for every account that may spend; the settled ones are the same records.

    What is due when an account spends first can be spent by none of the batch (`decide.spendable`) and stays out.
    """
    demand = _demand(state, spends)
    state.lots_of = {account_id: [] for account_id in demand}
    _keep_lots(state, settled)
    if demand and not settled:
        firsts = [wanted.first for wanted in demand.values()]
        rows = session.rows(
            _SQL["first_lots_of_accounts"], account_ids=list(demand), instants=firsts, limit=_FIRST_LOTS
        )
        _keep_lots(state, rows)
    # Settled lots may lie anywhere in the order; beside them nothing is left out.
    short = [number for number, wanted in demand.items() if settled or not _suffices(state, number, wanted)]
    if short:
        firsts = [demand[number].first for number in short]
        _keep_lots(state, session.rows(_SQL["lots_of_accounts"], account_ids=short, instants=firsts))
    for queue in state.lots_of.values():
        queue.sort()


def _demand(state: State, spends: Iterable[Redeem | Hold]) -> dict[int, _Demand]:
    """What accounts may be asked for in this batch."""
    demand: dict[int, _Demand] = {}
    for spend in spends:
        account = state.accounts.get((Bucket.AVAILABLE, spend.holder, spend.brand, spend.currency))
        if account is not None:
            points, first, last = demand.get(account.account_id, (0, spend.at, spend.at))
            demand[account.account_id] = _Demand(points + spend.points, min(first, spend.at), max(last, spend.at))
    return demand


def _suffices(state: State, account_id: int, wanted: _Demand) -> bool:
    """Whether the lots that are loaded cover all that may be asked for; those that are not loaded expire later."""
    last_us = to_us(wanted.last)
    return sum([lot.free for lot in state.lots_of[account_id] if lot.expires_us > last_us]) >= wanted.points


def _keep_lots(state: State, rows: Iterable[Row]) -> None:
    for row in rows:
        lot, account_id, granted, remaining, held, expired, expires_at = row
        if lot in state.lots:
            continue
        record = Lot(
            lot, account_id, granted, remaining, held, expired, expires_at, lot_us(expires_at), remaining, held
        )
        state.lots[lot] = record
        if account_id in state.lots_of:
            state.lots_of[account_id].append(record)


def _link_holds(session: Session, state: State, holds: Sequence[Row]) -> None:
    for hold, key, available_id, account_id, points, remaining, expires_at, pairs in holds:
        if any(lot not in state.lots for lot, _part in pairs):
            raise LedgerCorruptionError("a hold's lots are missing", tenant=session.tenant, hold=hold)
        takes = sorted((state.lots[lot], part) for lot, part in pairs)
        state.holds[key] = Held(
            hold, key, available_id, account_id, points, remaining, expires_at, to_us(expires_at), takes, remaining
        )


def _load_late_days(session: Session, state: State, memory: Memory, awards: Sequence[Award]) -> None:
    """Totals of days before an account's latest: a purchase that comes late counts on them."""
    days = {award.day for award in awards if award.day}
    if not days or not memory.may_be_late(min(days), max(days)):
        return
    late: set[tuple[int, date]] = set()
    for award in awards:
        account = state.accounts.of(_AVAILABLE, award.brand, award.currency).get(award.holder)
        if account is not None and account.day and award.day and award.day < account.day:
            late.add((account.account_id, award.day))
    state.earlier_days |= earned_on_days(session, late - state.earlier_days.keys())
