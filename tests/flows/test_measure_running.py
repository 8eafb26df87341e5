"""The readings of launched campaigns: taken when the lake has changed, not too often, and once when a window ends."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keyuan import campaigns, events
from keyuan.campaigns import Launch
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.experiments.reads import Reading, reading
from keyuan.flows import measure
from keyuan.flows.measure_running import AFTER_CHANGES, LATE, LOOK_EVERY_S, CampaignReader, is_due
from keyuan.kernel.clock import system_now
from measured_shop import CAMPAIGN, DAY, SINCE, TICK, UNTIL, Measured
from shop import open_shop

NOW = system_now()
SECOND = timedelta(seconds=1)
NAMES = [f"p{number}" for number in range(12)]


class House:
    """A shop with a launched campaign, and a reader whose looks the test times."""

    def __init__(self, shop: Measured) -> None:
        self.shop, self.database = shop, shop.shop.database
        self.now = system_now()  # consumers ask the system, so the clock must run by it
        self.looks_s = 0.0
        self.reader = CampaignReader(self.database, shop.shop.secrets, shop.lake, 1, monotonic=lambda: self.looks_s)

    def launch(self) -> None:
        self.shop.agree(NAMES)
        self.shop.put({name: "hold_out" if number % 5 == 0 else "treated" for number, name in enumerate(NAMES)})
        self.keep_launch()

    def keep_launch(self) -> None:
        with self.database.transaction(1) as session:
            campaigns.save_draft(session, CAMPAIGN)
            campaigns.keep_launch(session, CAMPAIGN.name, Launch(SINCE, 12, 9, 3, 0, 0, 0, 0))

    def run_clock(self) -> None:
        with self.database.transaction(1) as session:
            events.move_clock(session, SINCE + 40 * DAY, self.now)
            events.run_clock(session, self.now)

    def look(self, after: timedelta) -> int:
        self.looks_s += LOOK_EVERY_S
        with self.database.transaction(1) as session:
            events.renew_clock(session, self.now + after)
        return self.reader.step(self.now + after)

    def last(self) -> Reading:
        with self.database.transaction(1) as session:
            last = reading(session, CAMPAIGN.name)
        assert last is not None
        return last


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(Measured(open_shop(database, tmp_path / "keys"), DeltaLake(tmp_path / "lake")))


def test_a_launched_campaign_is_measured_when_the_lake_has_changed_and_not_each_second(house: House):
    house.launch()
    house.shop.buy({"p1": [(SINCE, 500)]})
    assert house.look(0 * SECOND) == 0  # the clock stands still
    house.run_clock()
    assert house.look(SECOND) == 1
    assert house.last().body["metrics"]["orders"]["known"] == [3, 9]
    assert house.last().body["verdict_kind"] == "too_early"
    house.looks_s += LOOK_EVERY_S / 2
    assert house.reader.step(house.now + AFTER_CHANGES) == 0
    assert house.look(AFTER_CHANGES + SECOND) == 0
    house.shop.buy({"p2": [(SINCE, 500)]})
    assert house.look(AFTER_CHANGES) == 0  # a second too soon
    assert house.look(AFTER_CHANGES + SECOND) == 1
    assert house.look(3 * AFTER_CHANGES) == 0


def test_who_withdraws_is_taken_out_of_the_figures(house: House):
    house.launch()
    house.shop.buy({"p1": [(SINCE, 500)]})
    house.run_clock()
    assert house.look(SECOND) == 1
    house.shop.shop.agree("p1", Purpose.PERSONALISATION, at=SINCE + DAY, given=False)
    house.shop.buy({})
    assert house.look(2 * AFTER_CHANGES) == 1
    assert house.last().body["left_out"] == {"hold_out": 0, "treated": 1}


def test_drafts_and_campaigns_of_nobody_are_let_be(house: House, monkeypatch: pytest.MonkeyPatch):
    house.shop.buy({"p1": [(SINCE, 500)]})
    with house.database.transaction(1) as session:
        campaigns.save_draft(session, CAMPAIGN)
    house.run_clock()
    assert house.look(SECOND) == 0
    house.shop.put(dict.fromkeys(NAMES, "treated"))
    house.keep_launch()
    assert house.look(SECOND) == 1
    monkeypatch.setattr(measure, "keep_measured", None)  # nobody agreed, so it is not even tried again
    assert house.look(2 * AFTER_CHANGES) == 0


@pytest.mark.parametrize(
    ("last_as_of", "age", "version", "as_of", "due"),
    [
        (SINCE, AFTER_CHANGES, 7, SINCE + DAY, False),
        (SINCE, AFTER_CHANGES, 8, SINCE + DAY, True),
        (SINCE, AFTER_CHANGES - TICK, 8, SINCE + DAY, False),
        (UNTIL - TICK, SECOND, 7, UNTIL, True),
        (UNTIL, AFTER_CHANGES, 7, UNTIL + DAY, False),
        (UNTIL, AFTER_CHANGES, 8, UNTIL + DAY, True),
        (UNTIL + LATE - TICK, AFTER_CHANGES, 8, UNTIL + LATE, True),
        (UNTIL + LATE, AFTER_CHANGES, 8, UNTIL + LATE + DAY, False),
    ],
)
def test_when_a_campaign_is_due(last_as_of: datetime, age: timedelta, version: int, as_of: datetime, *, due: bool):
    last = Reading(read_at=NOW - age, as_of=last_as_of, lake_version=7, body={})
    assert is_due(CAMPAIGN, last, version, as_of, NOW) is due
    assert is_due(CAMPAIGN, None, version, as_of, NOW)
