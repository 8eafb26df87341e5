"""The programme clock of a tenant, kept as one row. Without a row the clock follows the system.

Deliberately not here: the arithmetic (`kernel.clock`) and asking the system for the time: callers pass it in.
"""

from collections.abc import Sequence
from datetime import datetime

from keyuan.engines.database import Session, load_statements
from keyuan.kernel.clock import EPOCH, ProgrammeClock

_SQL = load_statements("keyuan.events")


def read_clock(session: Session) -> ProgrammeClock:
    """Return the tenant's clock."""
    row = session.row(_SQL["clock"])
    return ProgrammeClock(by_hand=False, at=EPOCH) if row is None else _clock(row)


def clock_at(session: Session, system_now: datetime) -> datetime:
    """Return what the tenant's clock shows at a moment of real time."""
    return read_clock(session).now(system_now)


def keep_clock_by_hand(session: Session, at: datetime) -> None:
    """Take the clock from the system and stop it at `at`; one that is kept by hand already stays as it is."""
    row = session.row(_SQL["lock_clock"])
    if row is None or not row[0]:
        _keep(session, ProgrammeClock(by_hand=True, at=at))


def move_clock(session: Session, at: datetime, system_now: datetime) -> datetime:
    """Move a clock kept by hand forward to `at`, never backwards; return what it shows.

    A clock that follows the system, or runs at normal speed, is not moved: no sender can push it ahead.
    """
    row = session.row(_SQL["lock_clock"])
    if row is None or not row[0]:
        return at
    clock = _clock(row)
    moved = clock.moved_to(at, system_now)
    if moved != clock:
        _keep(session, moved)
    return moved.now(system_now)


def follow_clock(session: Session, consumers: Sequence[str], system_now: datetime) -> None:
    """Move a clock kept by hand to where the slowest of its consumers is, as `move_clock`."""
    row = session.row(_SQL["lock_clock"])
    if row is not None and row[0]:
        # Asked only now that the clock is locked: of two consumers that end at once, the second sees the first.
        slowest = session.row(_SQL["slowest"], consumers=list(consumers))
        if slowest is not None and slowest[0] is not None:
            move_clock(session, slowest[0], system_now)


def run_clock(session: Session, system_now: datetime) -> None:
    """Let a clock kept by hand run at normal speed from now on."""
    row = session.row(_SQL["lock_clock"])
    if row is not None and row[0]:
        _keep(session, _clock(row).started(system_now))


def renew_clock(session: Session, system_now: datetime) -> ProgrammeClock:
    """Return the tenant's clock, with a fresh lease if it runs; whoever serves calls this every few seconds."""
    clock = read_clock(session)
    if clock.by_hand and clock.renewed(system_now) != clock:
        row = session.row(_SQL["lock_clock"])
        if row is not None:
            clock = _clock(row).renewed(system_now)
            _keep(session, clock)
    return clock


def stop_clock(session: Session, system_now: datetime) -> None:
    """Stop a clock kept by hand at the time it shows now."""
    row = session.row(_SQL["lock_clock"])
    if row is not None and row[0]:
        _keep(session, _clock(row).stopped(system_now))


def _clock(row: tuple[bool, datetime, datetime | None]) -> ProgrammeClock:
    by_hand, at, running_since = row
    return ProgrammeClock(by_hand=by_hand, at=at, running_since=running_since)


def _keep(session: Session, clock: ProgrammeClock) -> None:
    session.execute(
        _SQL["keep_clock"],
        tenant=session.tenant,
        by_hand=clock.by_hand,
        at=clock.at,
        running_since=clock.running_since,
    )
