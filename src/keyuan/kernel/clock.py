"""The programme clock: what points, recency, segments and expiry ask for the time.

Pure; where a tenant's clock is kept is the business of `events`. Sessions, tokens and the chain use real time.
Units: instants are aware datetimes in UTC, or integer microseconds since the Unix epoch (`_us`).
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LEASE = timedelta(seconds=60)
"""How long a running clock goes on by itself; then somebody who serves must have renewed it."""
_RENEW = LEASE / 6
DAY_US = 86_400_000_000
EPOCH_DAY = EPOCH.toordinal()


def to_us(instant: datetime) -> int:
    """Return microseconds since the epoch, exactly (a float would lose some)."""
    return (instant - EPOCH) // _MICROSECOND


def all_us(instants: Iterable[datetime]) -> list[int]:
    """Return `to_us` of many instants."""
    return [(instant - EPOCH) // _MICROSECOND for instant in instants]


def from_us(instant_us: int) -> datetime:
    """Return the aware UTC datetime of an instant in microseconds."""
    return EPOCH + timedelta(microseconds=instant_us)


def system_now() -> datetime:
    """Return the real time. Only edges and composition roots call this; rooms are given the time."""
    return datetime.now(UTC)


def add_months(instant_us: int, months: int) -> int:
    """Return the same instant of day `months` later; the last day of a shorter month stands in for a missing day."""
    return instant_us + months_from(instant_us // DAY_US, months).days * DAY_US


@lru_cache(maxsize=4_096)
def months_from(day: int, months: int) -> timedelta:
    """Return how long so many months are from a day on, which is counted from the epoch: whole days (`add_months`)."""
    start = date_of(day)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(start.day, last)) - start


@lru_cache(maxsize=4_096)
def date_of(day: int) -> date:
    """Return the date of a day counted from the epoch."""
    return date.fromordinal(EPOCH_DAY + day)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeClock:
    """A tenant's clock: it follows the system, or is kept by hand and runs on only while somebody serves.

    Who serves renews a running clock; one that nobody renews stands still after `LEASE`, so a server that was killed
    does not leave it running.
    """

    by_hand: bool
    at: datetime
    running_since: datetime | None = None

    def now(self, system: datetime) -> datetime:
        """Return the programme's time at a moment of real time."""
        if not self.by_hand:
            return system
        if self.running_since is None:
            return self.at
        return self.at + min(max(system - self.running_since, timedelta(0)), LEASE)

    def ahead(self, system: datetime) -> timedelta:
        """Return how far the programme's time is from real time at a moment; one value while the clock runs."""
        if self.running_since is not None and abs(system - self.running_since) <= LEASE:
            return self.at - self.running_since
        return self.now(system) - system

    def runs(self, system: datetime) -> bool:
        """Tell whether a clock kept by hand goes on by itself."""
        return self.running_since is not None and system - self.running_since <= LEASE

    def moved_to(self, at: datetime, system: datetime) -> "ProgrammeClock":
        """Return the clock set to `at`; never backwards, and a running one goes at its own speed only."""
        if self.runs(system):
            return self
        return ProgrammeClock(by_hand=self.by_hand, at=max(self.now(system), at))

    def started(self, system: datetime) -> "ProgrammeClock":
        """Return the clock running at normal speed from now on."""
        return ProgrammeClock(by_hand=self.by_hand, at=self.now(system), running_since=system)

    def renewed(self, system: datetime) -> "ProgrammeClock":
        """Return a running clock with a fresh lease when the old one is some way through."""
        if self.running_since is None or system - self.running_since < _RENEW:
            return self
        return self.started(system)

    def stopped(self, system: datetime) -> "ProgrammeClock":
        """Return the clock standing still at the time it shows now."""
        return ProgrammeClock(by_hand=self.by_hand, at=self.now(system))
