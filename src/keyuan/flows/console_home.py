"""What the first page of the console shows: figures, weeks, what waits for somebody, and the ledger's standing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from keyuan import consent, events, ledger, loyalty
from keyuan.anchor import explorer as epochs
from keyuan.anchor import reads as anchor
from keyuan.anchor.explorer import EpochRow
from keyuan.anchor.reads import Progress
from keyuan.consent import Purpose
from keyuan.engines.database import Session
from keyuan.events import activity
from keyuan.events.activity import Week
from keyuan.flows.console_campaigns import Row, campaign_rows
from keyuan.flows.console_kept import Kept
from keyuan.flows.console_segments import Sized, segment_list
from keyuan.flows.places import passed_by_all
from keyuan.ledger import explorer
from keyuan.ledger.explorer import Ending, Sums
from keyuan.profiles import listing
from keyuan.profiles import reads as profiles

SOON: Final = timedelta(days=31)
WEEKS_SHOWN: Final = 26
_EPOCHS_SHOWN: Final = 18
_CAMPAIGNS_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class Activity:
    """What the log says: whole weeks until `until`, the running week left out."""

    until: datetime
    orders: int
    weeks: Sequence[Week]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures that follow what happens while the first page stands open."""

    customers: int
    portraits: int
    members: int
    activity: Activity
    sums: Sums
    anchored: int


@dataclass(frozen=True, slots=True)
class Home:
    """The first page."""

    now: datetime
    figures: Figures
    soon: Ending
    quarantine: dict[str, int]
    progress: Progress
    epochs: Sequence[EpochRow]
    programmes: Sequence[loyalty.Programme]
    segments: Sequence[Sized]
    campaigns: Sequence[Row]

    @property
    def over(self) -> list[Row]:
        """Return the campaigns that wait for somebody to end them."""
        return [row for row in self.campaigns if row.is_over(self.now)]


def home(session: Session, kept: Kept, system_now: datetime) -> Home:
    """Return what the first page shows."""
    now = events.clock_at(session, system_now)
    listed = segment_list(session, system_now)
    return Home(
        now=now,
        figures=figures(session, kept, system_now),
        soon=explorer.ending(session, now, now + SOON),
        quarantine=events.open_counts(session),
        progress=anchor.progress(session),
        epochs=epochs.newest_epochs(session, _EPOCHS_SHOWN),
        programmes=loyalty.programmes(session),
        segments=listed.segments,
        campaigns=campaign_rows(session, listed)[:_CAMPAIGNS_SHOWN],
    )


def figures(session: Session, kept: Kept, system_now: datetime) -> Figures:
    """Return the figures of the first page."""
    now = events.clock_at(session, system_now)
    until = _monday(now)
    return Figures(
        customers=listing.count_everybody(session),
        portraits=profiles.count(session),
        members=len(consent.people_in_force(session, Purpose.LOYALTY, now)),
        activity=kept.of(session, "activity", until, lambda: _activity(session, until)),
        sums=explorer.sums(session),
        anchored=anchor.progress(session).anchored,
    )


def moved_to(session: Session) -> tuple[object, ...]:
    """Return where all that figures are made of stands: cheap to ask, and as long as it is the same, so are they.

    What moves with neither is a consent that is given or withdrawn without an event; that shows when a page is opened.
    """
    return (
        events.last_seq(session),
        passed_by_all(session),
        ledger.last_entry(session),
        anchor.progress(session).anchored,
    )


def _activity(session: Session, until: datetime) -> Activity:
    weeks = activity.weeks(session, until)
    return Activity(until, events.count_kinds(session).get("order", 0), weeks[-WEEKS_SHOWN:])


def _monday(at: datetime) -> datetime:
    """Return the beginning of the week of an instant, in UTC."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=at.weekday())
