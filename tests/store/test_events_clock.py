"""The programme clock, import progress and write keys, kept per tenant."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.events import (
    append,
    clock_at,
    imported,
    keep_clock_by_hand,
    make_source,
    move_clock,
    note_progress,
    open_counts,
    progress,
    read_after,
    renew_clock,
    revoke_source,
    run_clock,
    source_of_key,
    stop_clock,
    tenant_of_key,
)
from keyuan.events.model import OtherFileError
from store.event_rows import GATE, NOW, order, send

THEN = datetime(2017, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


def test_a_clock_follows_the_system_unless_it_is_kept_by_hand(database: Database):
    with database.transaction(1) as session:
        assert clock_at(session, NOW) == NOW
        assert move_clock(session, THEN, NOW) == THEN
        assert clock_at(session, NOW) == NOW
        keep_clock_by_hand(session, THEN)
        assert clock_at(session, NOW) == THEN
    with database.transaction(2) as session:
        assert clock_at(session, NOW) == NOW


def test_a_clock_kept_by_hand_never_goes_backwards(database: Database):
    with database.transaction(1) as session:
        keep_clock_by_hand(session, THEN)
        assert move_clock(session, THEN + HOUR, NOW) == THEN + HOUR
        assert move_clock(session, THEN, NOW) == THEN + HOUR
        keep_clock_by_hand(session, THEN)
        assert clock_at(session, NOW) == THEN + HOUR


def test_a_clock_runs_only_between_start_and_stop(database: Database):
    with database.transaction(1) as session:
        keep_clock_by_hand(session, THEN)
        run_clock(session, NOW)
        assert clock_at(session, NOW + SECOND) == THEN + SECOND
        for seconds in range(0, 3_601, 30):
            renew_clock(session, NOW + seconds * SECOND)
        assert clock_at(session, NOW + HOUR + SECOND) == THEN + HOUR + SECOND
        stop_clock(session, NOW + HOUR)
        assert clock_at(session, NOW + 9 * HOUR) == THEN + HOUR


def test_a_clock_that_stands_is_not_renewed(database: Database):
    with database.transaction(1) as session:
        keep_clock_by_hand(session, THEN)
        assert renew_clock(session, NOW + HOUR).running_since is None
        assert clock_at(session, NOW + 2 * HOUR) == THEN
    with database.transaction(2) as session:
        assert renew_clock(session, NOW).now(NOW) == NOW


def test_times_from_http_are_shifted_for_a_clock_kept_by_hand_and_imported_ones_are_not(
    database: Database, secrets: Secrets
):
    with database.transaction(1) as session:
        keep_clock_by_hand(session, THEN)
    assert send(database, secrets, order(1), order(2, timestamp=None)) == (2, 0, 0)
    assert send(database, secrets, order(3, timestamp=(NOW + 25 * HOUR).isoformat())) == (0, 0, 1)
    with database.transaction(1) as session:
        candidates = GATE.check_all([order(4, timestamp=(THEN - HOUR).isoformat())], NOW)
        append(session, secrets, candidates, imported(NOW, None))
        assert [event.at for event in read_after(session, 0)] == [THEN - 2 * HOUR, THEN, THEN - HOUR]
        assert [event.received_at for event in read_after(session, 0)] == [NOW] * 3
        assert open_counts(session) == {"too-far-ahead": 1}


def test_a_repeat_is_known_again_after_the_clock_has_moved(database: Database, secrets: Secrets):
    with database.transaction(1) as session:
        keep_clock_by_hand(session, THEN)
    send(database, secrets, order(1))
    with database.transaction(1) as session:
        move_clock(session, THEN + 100 * HOUR, NOW)
    assert send(database, secrets, order(1)) == (0, 1, 0)


def test_an_import_goes_on_where_it_was_and_only_with_the_same_file(database: Database):
    with database.transaction(1) as session:
        assert progress(session, "orders", "f1") == (0, False)
        note_progress(session, "orders", "f1", 2_000, done=False)
    with database.transaction(1) as session:
        assert progress(session, "orders", "f1") == (2_000, False)
        note_progress(session, "orders", "f1", 3_000, done=True)
        assert progress(session, "orders", "f1") == (3_000, True)
        with pytest.raises(OtherFileError):
            progress(session, "orders", "f2")
    with database.transaction(2) as session:
        assert progress(session, "orders", "f2") == (0, False)


def test_a_write_key_opens_its_own_tenant_until_it_is_revoked(database: Database):
    with database.transaction(1) as session:
        key = make_source(session, "till", NOW, "EUR")
        assert tenant_of_key(key) == 1
        assert source_of_key(session, key) == (1, "till", "EUR")
    with database.transaction(2) as session:
        assert source_of_key(session, key) is None
        assert revoke_source(session, "till", NOW) == 0
    with database.transaction(1) as session:
        assert revoke_source(session, "till", NOW) == 1
        assert source_of_key(session, key) is None


@pytest.mark.parametrize("key", ["", "wk_1_short", "wk_0_" + "a" * 43, "wk_x_" + "a" * 43, "pk_1_" + "a" * 43])
def test_what_is_no_write_key_names_no_tenant(key: str):
    assert tenant_of_key(key) is None
