"""Keeping the readings of launched campaigns true while somebody serves.

A campaign is measured again when rows of the lake have changed (an order came in, somebody withdrew), and not sooner
than a minute after the last time; and once when its window ends. What comes in later than a week after that changes
nothing any more.
Deliberately not here: what is measured (`measure`, which brings the statistics with it and is imported only when a
campaign is due).
Units: real time for how often, the programme's for windows.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from keyuan import campaigns, events
from keyuan.campaigns import Campaign, State
from keyuan.engines.database import Database, Session
from keyuan.engines.lake import Lake
from keyuan.engines.secrets import Secrets
from keyuan.experiments.reads import Reading, reading
from keyuan.insight.tables import EVENTS

LOOK_EVERY_S: Final = 10.0
AFTER_CHANGES: Final = timedelta(minutes=1)
LATE: Final = timedelta(days=7)
"""How long after the end of a window orders of it still come in."""


@dataclass(slots=True)
class CampaignReader:
    """Keeps the readings of one tenant's campaigns; `step` is cheap when there is nothing to do.

    A clock that stands still is left alone: while a history is brought in, nobody looks.
    """

    database: Database
    secrets: Secrets
    lake: Lake
    tenant: int
    monotonic: Callable[[], float] = time.monotonic
    _look_s: float = field(default=0.0, init=False)
    _nobody: dict[str, int] = field(default_factory=dict[str, int], init=False)
    """Campaigns in which there was nobody to measure, with the version of the lake in which there was not."""

    def step(self, system_now: datetime) -> int:
        """Measure the campaigns that are due, and return how many they were."""
        if self.monotonic() < self._look_s:
            return 0
        self._look_s = self.monotonic() + LOOK_EVERY_S
        with self.database.transaction(self.tenant) as session:
            clock = events.read_clock(session)
            as_of = clock.now(system_now)
            if clock.by_hand and not clock.runs(system_now):
                return 0
            due = self._due(session, as_of, system_now)
        for campaign in due:
            self._measure(campaign, as_of, system_now)
        return len(due)

    def _due(self, session: Session, as_of: datetime, system_now: datetime) -> list[Campaign]:
        launched = [each for each in campaigns.campaigns(session) if each.state is State.LAUNCHED]
        if not launched:
            return []
        version = self.lake.version(self.tenant, EVENTS)
        return [
            each
            for each in launched
            if self._nobody.get(each.name) != version
            and is_due(each, reading(session, each.name), version, as_of, system_now)
        ]

    def _measure(self, campaign: Campaign, as_of: datetime, system_now: datetime) -> None:
        from keyuan.flows.measure import NobodyToMeasureError, keep_measured  # noqa: PLC0415  # seconds, and memory

        version = self.lake.version(self.tenant, EVENTS)
        try:
            with self.database.transaction(self.tenant) as session:
                keep_measured(session, self.lake, self.secrets, campaign, as_of, system_now)
        except NobodyToMeasureError:
            self._nobody[campaign.name] = version


def is_due(campaign: Campaign, last: Reading | None, version: int, as_of: datetime, system_now: datetime) -> bool:
    """Tell whether a launched campaign is to be measured again."""
    if last is None:
        return True
    until = campaign.window.until
    if last.as_of < until <= as_of:
        return True
    has_changed = last.lake_version != version and last.as_of < until + LATE
    return has_changed and system_now - last.read_at >= AFTER_CHANGES
