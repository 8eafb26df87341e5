"""Deciding a batch: exact, in order, in whole numbers. Pure; the same state and requests give the same decisions.

Each request is answered as if it came alone, after those before it; awards, which are by far the most, by `awards`.
`store` loads the state and keeps the decisions; nothing here asks a clock or a database.
Units: points; instants are compared in microseconds.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple, cast

from msgspec import Struct

from keyuan.kernel.clock import to_us
from keyuan.ledger.awards import award_all
from keyuan.ledger.budgets import budget_legs
from keyuan.ledger.canonical import entry_bytes, next_link, request_digest, takes_digest
from keyuan.ledger.decisions import Decisions, find_known
from keyuan.ledger.model import (
    BATCH_MAX,
    LEGS,
    MAY_OWE,
    Answer,
    Bucket,
    Entry,
    Kind,
    LedgerCorruptionError,
    LedgerInputError,
)
from keyuan.ledger.requests import (
    Award,
    BudgetMove,
    Capture,
    Expire,
    Fund,
    Hold,
    Redeem,
    Release,
    Request,
    Reserve,
    Spend,
    Void,
)
from keyuan.ledger.state import Account, Held, KeyRow, Lot, State


class _Refusal(Struct, frozen=True, gc=False):
    """Why nothing is posted. A refusal that is not `kept` leaves its key free."""

    answer: Answer
    kept: bool = True


class _Taking(NamedTuple):
    """What an entry that takes from lots moves, and what only some kinds of them have."""

    points: int
    takes: list[tuple[Lot, int]]
    lot: int | None = None
    origin: int | None = None
    expires_at: datetime | None = None


class _Posted(Struct, frozen=True, gc=False):
    """What was posted."""

    seq: int
    points: int


_NOTHING: Final = _Refusal(Answer.NOTHING)
_NOT_DUE: Final = _Refusal(Answer.NOTHING, kept=False)


def decide(state: State, requests: Sequence[Request]) -> Decisions:
    """Answer each request in order; `state` is changed along and stands after the batch.

    Raises:
        LedgerInputError: more than BATCH_MAX requests.
        StaleDayError: an award's `day_points` does not continue what the holder earned that day.
        LedgerCorruptionError: an account or lot would leave its bounds, which no request can bring about.
    """
    if len(requests) > BATCH_MAX:
        raise LedgerInputError(f"a batch has at most {BATCH_MAX} requests", requests=len(requests))
    desk = Desk(state)
    for kind, run in groupby(requests, type):
        if kind is Award:
            award_all(state, desk.decisions, cast("Iterable[Award]", run))
        else:
            for request in run:
                desk.answer(request)
    return desk.decisions


def spendable(queue: Iterable[Lot], at_us: int) -> int:
    """How many points can be spent at an instant: a lot that is due is gone even before the expiry job came."""
    return sum(lot.remaining - lot.held for lot in queue if lot.expires_us > at_us)


def take_first_to_expire(queue: Iterable[Lot], points: int, at_us: int) -> list[tuple[Lot, int]]:
    """What a spend takes from which lots: those that expire first, then lower numbers (the queue's order)."""
    takes: list[tuple[Lot, int]] = []
    for lot in queue:
        free = lot.remaining - lot.held
        if free <= 0 or lot.expires_us <= at_us:
            continue
        part = min(free, points)
        takes.append((lot, part))
        points -= part
        if points == 0:
            return takes
    raise LedgerCorruptionError("lots hold less than was found spendable", missing=points)


def take_from_hold(held: Held, points: int) -> list[tuple[Lot, int]]:
    """What a settlement takes from a hold's lots, going on where the captures before it stopped."""
    skip = held.points - held.remaining
    takes: list[tuple[Lot, int]] = []
    for lot, part in held.takes:
        passed = min(skip, part)
        skip -= passed
        taken = min(part - passed, points)
        points -= taken
        if taken > 0:
            takes.append((lot, taken))
    if points != 0:
        raise LedgerCorruptionError("a hold's lots do not cover it", hold=held.hold, missing=points)
    return takes


class Desk:
    """Answers the requests of one batch one after the other."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.decisions = Decisions()
        self._handlers: dict[type, Callable[[Any], _Posted | _Refusal]] = {
            Redeem: self._redeem,
            Hold: self._hold,
            Capture: self._capture,
            Void: self._void,
            Expire: self._expire,
            Fund: self._budget,
            Reserve: self._budget,
            Spend: self._budget,
            Release: self._budget,
        }

    def answer(self, request: Request) -> None:
        """Answer one request and keep its key."""
        state, decisions, key = self.state, self.decisions, request.key
        digest = request_digest(request)
        known = state.keys.get(key)
        if known is not None:
            decisions.outcomes.append(find_known(known, digest, key))
            return
        result = self._handlers[type(request)](request)
        if isinstance(result, _Posted):
            decisions.posted(state, KeyRow(key, digest, Answer.POSTED, result.seq, result.points))
        else:
            decisions.refused(state, KeyRow(key, digest, result.answer, None, 0), kept=result.kept)

    def _redeem(self, request: Redeem) -> _Posted | _Refusal:
        account, at_us = self._spender(request), to_us(request.at)
        if account is None or spendable(self._queue(account), at_us) < request.points:
            return _Refusal(Answer.TOO_FEW_POINTS)
        takes = take_first_to_expire(self._queue(account), request.points, at_us)
        target = self.state.account((Bucket.REDEEMED, 0, request.brand, request.currency))
        seq = self._take(Kind.REDEEM, request, (account, target), _Taking(request.points, takes))
        for lot, part in takes:
            self._change_lot(lot, remaining=-part)
        return _Posted(seq, request.points)

    def _hold(self, request: Hold) -> _Posted | _Refusal:
        account, at_us = self._spender(request), to_us(request.at)
        if account is None or spendable(self._queue(account), at_us) < request.points:
            return _Refusal(Answer.TOO_FEW_POINTS)
        takes = take_first_to_expire(self._queue(account), request.points, at_us)
        target = self.state.account((Bucket.HELD, request.holder, request.brand, request.currency))
        seq = self._take(
            Kind.HOLD, request, (account, target), _Taking(request.points, takes, expires_at=request.expires_at)
        )
        for lot, part in takes:
            self._change_lot(lot, held=part)
        held = Held(
            seq, request.key, account.account_id, target.account_id, request.points, request.points,
            request.expires_at, to_us(request.expires_at), takes, is_new=True,
        )  # fmt: skip
        self.state.holds[request.key] = held
        self.decisions.holds[seq] = held
        return _Posted(seq, request.points)

    def _capture(self, request: Capture) -> _Posted | _Refusal:
        held = self.state.holds.get(request.hold)
        if held is None:
            return _Refusal(Answer.NO_SUCH_HOLD)
        if held.remaining == 0:
            return _Refusal(Answer.HOLD_CLOSED)
        if held.expires_us <= to_us(request.at):
            return _Refusal(Answer.HOLD_TIMED_OUT)
        if held.remaining < request.points:
            return _Refusal(Answer.MORE_THAN_HELD)
        source = self.state.by_id[held.account_id]
        target = self.state.account((Bucket.REDEEMED, 0, source.brand, source.currency))
        takes = take_from_hold(held, request.points)
        seq = self._take(Kind.CAPTURE, request, (source, target), _Taking(request.points, takes, origin=held.hold))
        for lot, part in takes:
            self._change_lot(lot, remaining=-part, held=-part)
        self._settle(held, request.points)
        return _Posted(seq, request.points)

    def _void(self, request: Void) -> _Posted | _Refusal:
        held = self.state.holds.get(request.hold)
        if held is None:
            return _Refusal(Answer.NO_SUCH_HOLD)
        if held.remaining == 0:
            return _Refusal(Answer.HOLD_CLOSED)
        points = held.remaining
        source, target = self.state.by_id[held.account_id], self.state.by_id[held.available_id]
        takes = take_from_hold(held, points)
        seq = self._take(Kind.VOID, request, (source, target), _Taking(points, takes, origin=held.hold))
        for lot, part in takes:
            self._change_lot(lot, held=-part)
        self._settle(held, points)
        return _Posted(seq, points)

    def _expire(self, request: Expire) -> _Posted | _Refusal:
        lot = self.state.lots.get(request.lot)
        if lot is None or lot.expires_us > to_us(request.at):
            return _NOT_DUE
        points = lot.free
        if points == 0 or lot.expired != request.expired:
            return _NOT_DUE
        account = self.state.by_id[lot.account_id]
        target = self.state.account((Bucket.EXPIRED, 0, account.brand, account.currency))
        seq = self._take(Kind.EXPIRE, request, (account, target), _Taking(points, [(lot, points)], lot=lot.lot))
        self._change_lot(lot, remaining=-points)
        lot.expired += points
        return _Posted(seq, points)

    def _budget(self, request: BudgetMove) -> _Posted | _Refusal:
        legs = budget_legs(self.state, request)
        if isinstance(legs, Answer):
            return _Refusal(legs)
        source, target = legs
        seq = self._post(
            Entry(
                self.state.seq + 1, request.at, request.kind, source.account_id, target.account_id, request.minor,
                None, None, None, None, None, None, None, None, None, request.key, request.reference, None,
            ),
            source,
            target,
        )  # fmt: skip
        return _Posted(seq, request.minor)

    def _spender(self, request: Redeem | Hold) -> Account | None:
        return self.state.accounts.get((Bucket.AVAILABLE, request.holder, request.brand, request.currency))

    def _queue(self, account: Account) -> list[Lot]:
        queue = self.state.lots_of.get(account.account_id)
        if queue is None:
            raise LedgerCorruptionError("the lots of a spender were not loaded", account=account.account_id)
        return queue

    def _settle(self, held: Held, points: int) -> None:
        held.remaining -= points
        self.decisions.holds[held.hold] = held

    def _change_lot(self, lot: Lot, *, remaining: int = 0, held: int = 0) -> None:
        lot.remaining += remaining
        lot.held += held
        if not 0 <= lot.held <= lot.remaining <= lot.granted:
            raise LedgerCorruptionError("a lot would leave its bounds", lot=lot.lot)
        self.decisions.lots[lot.lot] = lot

    def _post(self, entry: Entry, source: Account, target: Account) -> int:
        """Write one entry and move its points; the entry's number comes back."""
        state, decisions, points = self.state, self.decisions, entry.points
        _check_legs(entry.kind, source, target, points)
        source.balance -= points
        source.legs += 1
        target.balance += points
        target.legs += 1
        decisions.accounts[source.account_id] = source
        decisions.accounts[target.account_id] = target
        _check_floor(source)
        state.seq = entry.seq
        state.link = next_link(state.link, entry_bytes(state.tenant, entry, source.name, target.name))
        decisions.entries.append(entry)
        decisions.links.append(state.link)
        return entry.seq

    def _take(self, kind: Kind, request: Request, legs: tuple[Account, Account], taking: _Taking) -> int:
        """Write an entry that takes from lots."""
        seq, (source, target), points = self.state.seq + 1, legs, taking.points
        pairs = [(lot.lot, part) for lot, part in taking.takes]
        if sum(part for _lot, part in pairs) != points:
            raise LedgerCorruptionError("an entry does not take what it moves", seq=seq)
        self.decisions.takes.extend((seq, lot, part) for lot, part in pairs)
        entry = Entry(
            seq, request.at, kind, source.account_id, target.account_id, points, taking.lot, taking.origin,
            taking.expires_at, None, None, None, None, None, None, request.key, request.reference, takes_digest(pairs),
        )  # fmt: skip
        return self._post(entry, source, target)


def _check_legs(kind: int, source: Account, target: Account, points: int) -> None:
    if points <= 0:
        raise LedgerCorruptionError("an entry moves points", points=points)
    if (source.bucket, target.bucket) != LEGS[kind]:
        raise LedgerCorruptionError("these accounts cannot have an entry of this kind", kind=kind)
    if source.brand != target.brand or source.currency != target.currency:
        raise LedgerCorruptionError("an entry stays within one book", kind=kind)


def _check_floor(source: Account) -> None:
    if source.balance < 0 and source.bucket not in MAY_OWE:
        raise LedgerCorruptionError("an account would give what it does not have", account=source.account_id)
