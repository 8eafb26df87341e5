"""The kept reading of the metrics: taken when something moved, not too often, and only while the clock goes on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyuan import events
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.flows.insight import AFTER_MOVES, AT_LATEST, LOOK_EVERY_S, InsightReader, read_insight
from keyuan.flows.lake import LakeWriter
from keyuan.insight import readings
from keyuan.kernel.clock import system_now
from shop import Shop, open_shop

SHOWN = datetime(2017, 3, 1, 12, tzinfo=UTC)


class House:
    """A shop with a lake, and a reader whose looks the test times."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.lake = DeltaLake(folder / "lake")
        self.writer = LakeWriter(shop.database, shop.secrets, self.lake, 1)
        self.now = system_now()  # consumers ask the system, so the clock must run by it
        self.looks_s = 0.0
        self.reader = InsightReader(shop.database, self.lake, 1, monotonic=lambda: self.looks_s)

    def buy(self, day: str) -> None:
        self.shop.send(self.shop.order("ada", f"{day}T10:00:00Z", "50.00"))
        self.shop.run()
        self.writer.catch_up()

    def look(self, after: timedelta) -> bool:
        """Look some time after the beginning; whether a reading was taken."""
        self.looks_s += LOOK_EVERY_S
        self.renew(after)
        return self.reader.step(self.now + after)

    def renew(self, after: timedelta) -> None:
        with self.shop.database.transaction(1) as session:
            events.renew_clock(session, self.now + after)

    def orders(self) -> int:
        with self.shop.database.transaction(1) as session:
            found = readings.latest(session)
        return sum(each.orders for each in found.revenue) if found else 0


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    made = House(open_shop(database, tmp_path / "keys"), tmp_path)
    made.shop.agree("ada", *Purpose)
    made.buy("2017-01-03")
    made.buy("2017-01-10")
    with database.transaction(1) as session:
        events.move_clock(session, SHOWN, made.now)
    return made


def run(house: House) -> None:
    with house.shop.database.transaction(1) as session:
        events.run_clock(session, house.now)


def test_while_a_history_is_brought_in_no_reading_is_taken(house: House):
    assert not house.look(timedelta(0))
    run(house)
    assert house.look(timedelta(0))
    assert house.orders() == 2


def test_a_reading_is_taken_again_a_minute_after_something_moved(house: House):
    run(house)
    assert house.look(timedelta(0))
    house.buy("2017-02-27")
    assert not house.look(AFTER_MOVES - timedelta(seconds=1))
    assert house.orders() == 2
    assert house.look(AFTER_MOVES)
    assert house.orders() == 3
    assert not house.look(AFTER_MOVES * 5)


def test_a_reading_is_taken_again_each_hour_for_who_withdrew(house: House):
    run(house)
    assert house.look(timedelta(0))
    assert not house.look(AT_LATEST - timedelta(minutes=1))
    assert house.look(AT_LATEST)


def test_between_looks_nothing_is_asked(house: House):
    run(house)
    assert house.look(timedelta(0))
    house.buy("2017-02-27")
    assert not house.reader.step(house.now + AFTER_MOVES)


def test_what_is_kept_is_what_was_read_and_a_tenant_sees_her_own(house: House):
    found = read_insight(house.shop.database, house.lake, 1, SHOWN, house.now)
    with house.shop.database.transaction(1) as session:
        assert readings.latest(session) == found
    with house.shop.database.transaction(2) as session:
        assert readings.latest(session) is None


def test_of_two_readings_the_one_taken_later_stays(house: House):
    database = house.shop.database
    later = read_insight(database, house.lake, 1, SHOWN, house.now)
    read_insight(database, house.lake, 1, SHOWN - timedelta(days=30), house.now - timedelta(seconds=1))
    with database.transaction(1) as session:
        assert readings.latest(session) == later


def test_a_reading_of_another_version_of_the_program_is_as_good_as_none(house: House, monkeypatch: pytest.MonkeyPatch):
    read_insight(house.shop.database, house.lake, 1, SHOWN, house.now)
    monkeypatch.setattr(readings, "_SHAPE", bytes(32))
    with house.shop.database.transaction(1) as session:
        assert readings.latest(session) is None
        assert readings.taken(session) is None
