"""Epochs are closed: the next movements of the ledger become leaves, trees and a header, stored in one transaction.

An epoch takes exactly `EPOCH` movements in the order of the ledger. What is left is closed a minute of real time after
its oldest movement was seen, or when somebody asks for it (`ask_for_the_rest`); while closing is paused, by count only.
A closer that was killed goes on from what is stored: what it had not committed nobody has seen. The ledger waits for
nothing here.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from keyuan import ledger
from keyuan.anchor import store
from keyuan.anchor.epoch import ClosedEpoch, Fresh, LedgerState, Movement, Since, advance, close
from keyuan.anchor.header import Domain
from keyuan.engines.database import Database, Session
from keyuan.kernel.clock import EPOCH_DAY, to_us

EPOCH: Final = 10_000
WAIT: Final = timedelta(seconds=60)
_RANDOM_BYTES: Final = 32


@dataclass(slots=True)
class Closer:
    """Closes the epochs of one tenant; what it keeps between epochs is read again when another closer was at work."""

    database: Database
    tenant: int
    size: int = EPOCH
    wait: timedelta = WAIT
    kept: store.Stored | None = None

    def step(self, now: datetime) -> int:
        """Close the next epoch if it is due, and return how many movements it has.

        Raises:
            NoDomainError: the tenant's commitments stand nowhere yet.
            EpochError: the movements do not go on from what is stored; nothing was closed.
        """
        try:
            with self.database.transaction(self.tenant) as session:
                return self._step(session, now)
        except BaseException:
            self.kept = None
            raise

    def _step(self, session: Session, now: datetime) -> int:
        post = store.lock(session)
        stored = self._state(session, post.domain)
        waiting = ledger.count_movements(session) - stored.state.log.size
        asked = stored.last_entry < post.close_through or self._has_waited(post, now)
        if waiting < self.size and not (waiting and asked):
            _note_waiting(session, post, now if waiting else None)
            self.kept = stored
            return 0
        legs = ledger.holder_legs(session, stored.last_entry, self.size)
        closed = _closed(session, stored.state, legs, now)
        store.keep_epoch(session, closed, [(leg.seq, leg.account, (leg.brand, leg.currency)) for leg in legs])
        _note_waiting(session, post, None)
        advance(stored.state, closed)
        self.kept = store.Stored(stored.state, legs[-1].seq)
        return len(legs)

    def _has_waited(self, post: store.Post, now: datetime) -> bool:
        return not post.paused and post.waiting_since is not None and now - post.waiting_since >= self.wait

    def _state(self, session: Session, domain: Domain) -> store.Stored:
        """Return the state after the last epoch, as kept if nobody has closed one since."""
        kept = self.kept
        self.kept = None  # closing changes it: until that is done it is worth nothing
        if kept is not None and kept.state.domain == domain and kept.state.epoch == store.last_epoch(session):
            return kept
        return store.load_state(session, domain)


def close_all(closer: Closer, now: datetime) -> int:
    """Close everything that there is, the rest too, and return how many movements that were."""
    with closer.database.transaction(closer.tenant) as session:
        ask_for_the_rest(session)
    total = 0
    while closed := closer.step(now):
        total += closed
    return total


def ask_for_the_rest(session: Session) -> None:
    """Have everything closed soon that the ledger has now, however little it is; whoever closes sees to it."""
    store.close_through(session, ledger.last_movement(session))


def _note_waiting(session: Session, post: store.Post, since: datetime | None) -> None:
    if (post.waiting_since is None) != (since is None):
        store.wait_since(session, since)


def _closed(session: Session, state: LedgerState, legs: Sequence[ledger.HolderLeg], now: datetime) -> ClosedEpoch:
    fresh = Fresh(
        salts=[secrets.token_bytes(_RANDOM_BYTES) for _ in legs],
        pseudonyms={
            account: secrets.token_bytes(_RANDOM_BYTES)
            for account in dict.fromkeys(leg.account for leg in legs)
            if account not in state.standings
        },
        salt=secrets.token_bytes(_RANDOM_BYTES),
    )
    since = Since(ledger.links_of(session, [legs[-1].seq])[legs[-1].seq], store.new_terms(session, state.terms))
    movements = [movement(leg) for leg in legs]
    return close(state, movements, fresh, to_us(now), since)


def movement(leg: ledger.HolderLeg) -> Movement:
    """Return an entry of the ledger as an epoch takes it."""
    (_seq, at, kind, account, brand, currency, points, rule, rule_version, base_minor, extra_minor, day, day_points,
     expires_at, reference) = leg  # fmt: skip
    return Movement(
        to_us(at), kind, account, brand, currency, points, rule, rule_version, base_minor, extra_minor,
        None if day is None else day.toordinal() - EPOCH_DAY, day_points,
        None if expires_at is None else to_us(expires_at), reference,
    )  # fmt: skip
