"""A shop with people for new campaigns and one campaign over a time that has passed, for the tests of their pages."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from campaign_house import AT, CAMPAIGN, name_of, stock
from keyuan import campaigns, events
from keyuan.campaigns import Campaign
from keyuan.engines.database import Database
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.engines.secrets import open_secrets
from keyuan.experiments import reads as experiments
from keyuan.flows.campaign_launch import launch
from keyuan.flows.lake import LakeWriter
from keyuan.flows.measure import keep_measured
from keyuan.web import make_app
from real_server import Server, cloned
from web.console_house import ConsoleHouse
from web.serving import NOW, serving

PEOPLE = 160
FORM = {
    "title_zh": "冬日回馈",
    "title_en": "Winter thanks",
    "segment": "lately",
    "language": "en",
    "offer_zh": "立减 2 美元",
    "offer_en": "$2 off",
    "face": "2.00",
    "budget": "500",
    "from": "2018-01-03",
    "to": "2018-01-30",
    "holdout": "40",
}
"""A plan that can be launched."""
AFTERWARDS = datetime(2018, 2, 1, tzinfo=UTC)


@dataclass(frozen=True)
class CampaignsHouse(ConsoleHouse):
    """A served console, and the lake from which campaigns are measured."""

    lake: DeltaLake

    def measure(self, name: str) -> dict[str, Any]:
        """Measure a campaign, as the lake's process does."""
        database, secrets = self.shop.database, self.shop.secrets
        LakeWriter(database, secrets, self.lake, 1).catch_up()
        with database.transaction(1) as session:
            now = events.clock_at(session, NOW)
            return keep_measured(session, self.lake, secrets, campaigns.campaign(session, name), now, NOW)

    def let_the_window_pass(self) -> None:
        """Let people buy in January, and move the clock past it."""
        self.shop.send(*_january(self.shop.order))
        self.shop.run()
        with self.shop.database.transaction(1) as session:
            events.move_clock(session, AFTERWARDS, AFTERWARDS)

    def campaign(self, name: str) -> Campaign:
        """Return a campaign as it is kept."""
        with self.shop.database.transaction(1) as session:
            return campaigns.campaign(session, name)

    def traces(self, name: str) -> tuple[object, ...]:
        """Return all that a launch leaves behind: arms, messages, coupons, entries of budgets."""
        with self.shop.database.transaction(1) as session:
            coupons = session.row("SELECT count(*) FROM promotions.coupon WHERE offer = %(o)s", o=f"{name}_coupon")
            entries = session.row("SELECT count(*) FROM ledger.entry WHERE kind >= 7")
            counts = campaigns.message_counts(session, name)
            return experiments.sizes(session, name), counts, coupons, entries

    def noted(self, action: str) -> list[str]:
        """Return the subjects of lines of the audit trail."""
        with self.shop.database.transaction(1) as session:
            rows = session.rows("SELECT subject FROM staff.audit WHERE action = %(action)s", action=action)
        return [subject for (subject,) in rows]

    @contextmanager
    def client(self) -> Generator[httpx.Client, None, None]:
        """Yield a client that is signed in."""
        cookies = {"keyuan_staff": self.session()}
        with httpx.Client(base_url=f"{self.address}/en/console/campaigns", cookies=cookies, timeout=60) as client:
            yield client


@contextmanager
def campaigns_house(server: Server, folder: Path) -> Generator[CampaignsHouse, None, None]:
    """Open the shop, launch and measure what has passed, and serve."""
    secrets = open_secrets(folder / "keys")
    with cloned(server) as name, Database(server.app | {"dbname": name}, server.token_key, size=8) as database:
        shop = stock(database, secrets, households=PEOPLE)
        shop.send(*_december(shop.order))
        shop.run()
        launch(database, secrets, 1, CAMPAIGN.name, AT)
        with serving(make_app(database, secrets, now=lambda: NOW)) as address:
            house = CampaignsHouse(shop, address, folder / "keys", DeltaLake(folder / "lake"))
            house.measure(CAMPAIGN.name)
            yield house


def _december(order: Any) -> Iterator[dict[str, Any]]:
    """Yield orders of the last weeks, so that there are people for a campaign of now."""
    for household in range(1, PEOPLE + 1):
        for step in range(1 + household % 3):
            yield order(name_of(household), f"2017-12-{1 + (household + 9 * step) % 28:02}T10:00:00Z", "10.50")


def _january(order: Any) -> Iterator[dict[str, Any]]:
    """Yield orders of the window of `FORM`: some buy twice, some never."""
    for household in range(1, PEOPLE + 1):
        for step in range(household % 3):
            yield order(name_of(household), f"2018-01-{4 + (household + 7 * step) % 20:02}T10:00:00Z", "5.00")
