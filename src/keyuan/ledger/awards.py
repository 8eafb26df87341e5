"""Awards, decided as everything is: exact, in order, in whole numbers. Pure.

By far most of what a ledger decides are awards, so they are answered a run at a time, and nothing is asked twice for
one of them. Deliberately not here: every other kind of request (`decide`).
Units: points.
"""

from collections.abc import Iterable
from typing import Final

from keyuan.ledger.canonical import award_digest, entry_bytes, next_link
from keyuan.ledger.decisions import Decisions, find_known
from keyuan.ledger.model import BALANCE_MAX, Answer, Bucket, Entry, Kind, LedgerInputError, StaleDayError
from keyuan.ledger.requests import Award
from keyuan.ledger.state import Account, KeyRow, Lot, State, lot_us

# As plain numbers: a member of an enumeration is looked up anew at each use.
_AWARD: Final = int(Kind.AWARD)
_AVAILABLE: Final = int(Bucket.AVAILABLE)
_ISSUED: Final = int(Bucket.ISSUED)
_POSTED: Final = Answer.POSTED


def award_all(state: State, decisions: Decisions, requests: Iterable[Award]) -> None:
    """Answer awards in order; `state` is changed along and stands after them.

    Raises:
        LedgerInputError: an award's `day` is not the UTC day of its instant.
        StaleDayError: an award's `day_points` does not continue what the holder earned that day.
    """
    for request in requests:
        key = request.key
        digest = award_digest(request.holder, request.rule_version, request.base_minor, request.extra_minor)
        known = state.keys.get(key)
        if known is not None:
            decisions.outcomes.append(find_known(known, digest, key))
            continue
        issued = _issued(state, request)
        if isinstance(issued, Account):
            seq = _award(state, decisions, request, issued)
            decisions.posted(state, KeyRow(key, digest, _POSTED, seq, request.points))
        else:
            decisions.refused(state, KeyRow(key, digest, issued, None, 0))


def _issued(state: State, request: Award) -> Account | Answer:
    """The brand's account that the points come from, or why there are none."""
    points = request.points
    if points == 0:
        return Answer.NOTHING
    key = (_ISSUED, 0, request.brand, request.currency)
    issued = state.accounts.get(key)
    if issued is None:
        return state.account(key)
    return Answer.BEYOND_LIMIT if points - issued.balance > BALANCE_MAX else issued


def _award(state: State, decisions: Decisions, request: Award, issued: Account) -> int:
    """Write one entry and move its points; the entry's number comes back."""
    points = request.points
    brand, currency, holder = request.brand, request.currency, request.holder
    account = state.accounts.of(_AVAILABLE, brand, currency).get(holder)
    if account is None:
        account = state.account((_AVAILABLE, holder, brand, currency))
    if request.day is not None:
        _count_day(state, account, request)
    state.seq = seq = state.seq + 1
    source, target = issued.account_id, account.account_id
    entry = Entry(
        seq, request.at, _AWARD, source, target, points, None, None, request.expires_at, request.rule,
        request.rule_version, request.base_minor, request.extra_minor, request.day, request.day_points, request.key,
        request.reference, None,
    )  # fmt: skip
    issued.balance -= points
    issued.legs += 1
    account.balance += points
    account.legs += 1
    state.link = link = next_link(state.link, entry_bytes(state.tenant, entry, issued.name, account.name))
    decisions.accounts[source] = issued
    decisions.accounts[target] = account
    decisions.entries.append(entry)
    decisions.links.append(link)
    if target in state.lots_of:  # else nothing of this batch can touch the lot
        expires_us = lot_us(request.expires_at)
        state.add_lot(Lot(seq, target, points, points, 0, 0, request.expires_at, expires_us, points))
    return seq


def _count_day(state: State, account: Account, request: Award) -> None:
    """Count the award among what its holder earned that day."""
    day, claimed, latest = request.day, request.day_points, account.day
    if day is None or claimed is None:
        return
    if day != request.at.date():  # asked of new awards only: who tries again later still asks for the same
        raise LedgerInputError("day must be the UTC day of at", at=request.at, day=day)
    before = account.day_points if latest == day else state.earned(account, day)
    if claimed != before + request.points:
        raise StaleDayError(key=request.key.hex(), day=day.isoformat(), claimed=claimed)
    if latest is None or day >= latest:
        if latest is not None and latest != day:
            state.earlier_days[account.account_id, latest] = account.day_points
        account.day, account.day_points = day, claimed
    else:
        state.earlier_days[account.account_id, day] = claimed
