"""The books as the console shows them: where every point is, movements with their proofs, epochs and the chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyuan import campaigns, events, ledger
from keyuan.anchor import explorer as epochs
from keyuan.anchor import leaf, reads
from keyuan.anchor.explorer import EpochRow
from keyuan.anchor.header import Domain
from keyuan.anchor.reads import Counts, Progress, StoredLeaf
from keyuan.campaigns import Campaign
from keyuan.engines.database import Session
from keyuan.ledger import Budget, explorer
from keyuan.ledger.explorer import Filters, Movement, Sums

PAGE = 14
_EPOCHS = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """One movement: the balance after it is known once it stands in an epoch."""

    movement: Movement
    is_anchored: bool
    balance: int | None


@dataclass(frozen=True, slots=True)
class Selected:
    """The movement that was chosen, its leaf and its epoch, as far as there are."""

    shown: Shown
    leaf: StoredLeaf | None
    epoch: EpochRow | None


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """The ledger explorer."""

    now: datetime
    newest: int
    sums: Sums
    counts: Counts
    progress: Progress
    domain: Domain | None
    epochs: Sequence[EpochRow]
    lines: Sequence[Shown]
    older: int | None
    selected: Selected | None
    budgets: Sequence[tuple[Campaign, Budget]]


def ledger_page(session: Session, filters: Filters, selected: int | None, system_now: datetime) -> LedgerPage:
    """Return a page of movements with what is known of their proofs."""
    found = explorer.movements(session, filters, PAGE + 1)
    shown = _shown(session, found[:PAGE])
    chosen = None if selected is None else explorer.movement(session, selected)
    return LedgerPage(
        now=events.clock_at(session, system_now),
        newest=ledger.count_movements(session),
        sums=explorer.sums(session),
        counts=reads.counts(session),
        progress=reads.progress(session),
        domain=reads.domain(session),
        epochs=epochs.newest_epochs(session, _EPOCHS),
        lines=shown,
        older=shown[-1].movement.seq if len(found) > PAGE else None,
        selected=None if chosen is None else _selected(session, chosen),
        budgets=_budgets(session),
    )


def _budgets(session: Session) -> list[tuple[Campaign, Budget]]:
    """Return the budgets of campaigns that were launched, the newest first, each in its currency."""
    by_number = {each.number: each for each in campaigns.campaigns(session)}
    found = [(by_number[each.campaign], each) for each in ledger.budgets(session, by_number)]
    return sorted(found, key=lambda pair: -pair[0].number)


def _shown(session: Session, movements: Sequence[Movement]) -> list[Shown]:
    last = epochs.anchored_entry(session)
    leaves = _leaves(session, movements)
    return [Shown(each, each.seq <= last, _balance(leaves.get(each.seq))) for each in movements]


def _selected(session: Session, movement: Movement) -> Selected:
    leaves = _leaves(session, [movement])
    return Selected(_shown(session, [movement])[0], leaves.get(movement.seq), epochs.epoch_of(session, movement.seq))


def _leaves(session: Session, movements: Sequence[Movement]) -> Mapping[int, StoredLeaf]:
    return epochs.leaves_of(session, [each.account for each in movements], [each.seq for each in movements])


def _balance(found: StoredLeaf | None) -> int | None:
    return None if found is None or found.body is None else leaf.decode(found.body).available
