"""The programme clock is explicit, exact, and never goes backwards."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyuan.kernel.clock import LEASE, ProgrammeClock, add_months, from_us, to_us

NEW_YEAR = datetime(2018, 1, 2, tzinfo=UTC)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # zone is added


@given(instants)
def test_microseconds_and_instants_are_the_same_thing(instant: datetime):
    assert from_us(to_us(instant)) == instant


def test_a_clock_kept_by_hand_stands_still_until_it_is_started():
    clock = ProgrammeClock(by_hand=True, at=NEW_YEAR)
    system = datetime(2026, 1, 1, tzinfo=UTC)
    assert clock.now(system) == clock.now(system + timedelta(days=9)) == NEW_YEAR
    running = clock.started(system)
    assert running.now(system + timedelta(seconds=50)) == NEW_YEAR + timedelta(seconds=50)
    stopped = running.stopped(system + timedelta(seconds=55))
    assert stopped.now(system + timedelta(days=1)) == NEW_YEAR + timedelta(seconds=55)


def test_a_system_clock_that_jumps_back_does_not_take_the_programme_with_it():
    system = datetime(2026, 1, 1, tzinfo=UTC)
    running = ProgrammeClock(by_hand=True, at=NEW_YEAR).started(system)
    assert running.now(system - timedelta(days=1)) == NEW_YEAR


def test_a_clock_is_never_moved_backwards():
    clock = ProgrammeClock(by_hand=True, at=NEW_YEAR)
    assert clock.moved_to(NEW_YEAR - timedelta(days=1), NEW_YEAR).at == NEW_YEAR


def test_a_running_clock_that_is_renewed_keeps_normal_speed_for_ever():
    system = datetime(2026, 1, 1, tzinfo=UTC)
    running = ProgrammeClock(by_hand=True, at=NEW_YEAR).started(system)
    for minutes in range(0, 300, 1):
        running = running.renewed(system + timedelta(minutes=minutes))
    assert running.now(system + timedelta(minutes=300)) == NEW_YEAR + timedelta(minutes=300)


def test_a_renewed_clock_is_as_far_ahead_as_before_also_for_what_was_received_before():
    system = datetime(2026, 1, 1, tzinfo=UTC)
    running = ProgrammeClock(by_hand=True, at=NEW_YEAR).started(system)
    later = system + timedelta(seconds=50)
    assert running.renewed(later) != running
    assert running.renewed(later).ahead(later - timedelta(seconds=1)) == running.ahead(later) == NEW_YEAR - system
    assert running.stopped(later).ahead(later + timedelta(seconds=9)) == NEW_YEAR - system - timedelta(seconds=9)


def test_a_clock_whose_server_was_killed_stands_still_and_can_be_moved_again():
    system = datetime(2026, 1, 1, tzinfo=UTC)
    left = ProgrammeClock(by_hand=True, at=NEW_YEAR).started(system)
    later = system + timedelta(days=30)
    assert left.now(later) == left.started(later).at == NEW_YEAR + LEASE
    assert left.moved_to(NEW_YEAR + timedelta(days=2), later).now(later) == NEW_YEAR + timedelta(days=2)


def test_events_do_not_push_a_running_clock_ahead():
    system = datetime(2026, 1, 1, tzinfo=UTC)
    running = ProgrammeClock(by_hand=True, at=NEW_YEAR).started(system)
    later = system + timedelta(seconds=30)
    for ahead in (timedelta(0), timedelta(seconds=30), timedelta(hours=23)):
        assert running.moved_to(NEW_YEAR + ahead, later).now(later) == NEW_YEAR + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2017-01-31T10:00:00+00:00", 1, "2017-02-28T10:00:00+00:00"),
        ("2016-02-29T00:00:01+00:00", 12, "2017-02-28T00:00:01+00:00"),
        ("2017-01-01T11:53:26+00:00", 12, "2018-01-01T11:53:26+00:00"),
        ("2017-12-15T00:00:00+00:00", 1, "2018-01-15T00:00:00+00:00"),
        ("2017-11-30T00:00:00+00:00", 3, "2018-02-28T00:00:00+00:00"),
    ],
)
def test_months_later_is_the_same_day_or_the_last_of_the_month(start: str, months: int, end: str):
    assert from_us(add_months(to_us(datetime.fromisoformat(start)), months)) == datetime.fromisoformat(end)
