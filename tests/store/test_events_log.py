"""The log on a real PostgreSQL: what goes in once stays once, in order, and of one tenant."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.events import (
    Gate,
    advance,
    append,
    count_kinds,
    imported,
    last_seq,
    live,
    lock_position,
    open_counts,
    position,
    read_after,
    read_order,
)
from store.event_rows import GATE, NOW, order, send


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


def test_events_come_out_in_the_order_they_went_in(database: Database, secrets: Secrets):
    assert send(database, secrets, *(order(n) for n in range(5))) == (5, 0, 0)
    assert send(database, secrets, *(order(n) for n in range(5, 8))) == (3, 0, 0)
    with database.transaction(1) as session:
        events = read_after(session, 0)
        assert [read_order(event.body).order_id for event in events] == [str(n) for n in range(8)]
        assert [event.seq for event in events] == sorted(event.seq for event in events)
        assert read_after(session, events[4].seq, limit=2) == events[5:7]
        assert events[0].kind == "order"
        assert events[0].name == "Order Completed"
        assert events[0].at == NOW - timedelta(hours=2)
        assert events[0].source == "till"
        assert last_seq(session) == events[-1].seq


def test_a_message_sent_twice_is_in_the_log_once(database: Database, secrets: Secrets):
    assert send(database, secrets, order(1), order(1)) == (1, 1, 0)
    again = order(1, sentAt="2026-05-01T10:00:09Z", context={"ip": "192.0.2.1"})
    assert send(database, secrets, again) == (0, 1, 0)
    with database.transaction(1) as session:
        assert count_kinds(session) == {"order": 1}


@pytest.mark.parametrize("together", [True, False])
def test_the_same_message_id_with_other_content_is_a_conflict(database: Database, secrets: Secrets, *, together: bool):
    other = order(1, properties={"order_id": "1", "total": 99})
    if together:
        assert send(database, secrets, order(1), other) == (1, 0, 1)
    else:
        send(database, secrets, order(1))
        assert send(database, secrets, other) == (0, 0, 1)
    with database.transaction(1) as session:
        assert open_counts(session) == {"conflict": 1}
        assert read_order(read_after(session, 0)[0].body).total_minor == 1250


def test_of_a_group_in_which_some_are_known_the_others_are_kept_in_order(database: Database, secrets: Secrets):
    send(database, secrets, order(1), order(2))
    far = (NOW + timedelta(hours=25)).isoformat()
    group = [
        order(3),
        order(1),
        order(2, userId="household:other"),
        order(4),
        order(3),
        order(5, timestamp=far),
        order(5, timestamp=far, userId="household:other"),
        order(1, timestamp=far),
        order(6),
    ]
    assert send(database, secrets, *group) == (3, 2, 4)
    assert send(database, secrets, *group) == (0, 5, 4)
    with database.transaction(1) as session:
        assert [read_order(event.body).order_id for event in read_after(session, 0)] == ["1", "2", "3", "4", "6"]
        assert open_counts(session) == {"conflict": 3, "too-far-ahead": 1}


def test_two_sources_may_use_the_same_message_id(database: Database, secrets: Secrets):
    send(database, secrets, order(1))
    with database.transaction(1) as session:
        candidates = Gate(source="app").check_all([order(1)], NOW)
        assert append(session, secrets, candidates, live(NOW)) == (1, 0, 0)


def test_events_without_a_message_id_are_all_kept(database: Database, secrets: Secrets):
    assert send(database, secrets, order(1, messageId=None), order(1, messageId=None)) == (2, 0, 0)


def test_a_tenant_never_sees_the_events_of_another(database: Database, secrets: Secrets):
    send(database, secrets, order(1), order(2))
    send(database, secrets, b"{}")
    with database.transaction(2) as session:
        assert read_after(session, 0) == []
        assert open_counts(session) == {}
        assert last_seq(session) == 0
    assert send(database, secrets, order(1), tenant=2) == (1, 0, 0)
    with database.transaction(1) as one, database.transaction(2) as two:
        ours, theirs = read_after(one, 0), read_after(two, 0)
        assert {event.sender for event in ours}.isdisjoint(event.sender for event in theirs)
        assert {event.message_key for event in ours}.isdisjoint(event.message_key for event in theirs)


def test_an_event_far_ahead_of_the_clock_is_quarantined_and_imports_have_their_own_end(
    database: Database, secrets: Secrets
):
    far = order(1, timestamp=(NOW + timedelta(hours=25)).isoformat())
    near = order(2, timestamp=(NOW + timedelta(hours=23)).isoformat())
    assert send(database, secrets, far, near) == (1, 0, 1)
    with database.transaction(1) as session:
        candidates = GATE.check_all([order(3, timestamp="2027-01-01"), order(4, timestamp="2027-06-01")], NOW)
        assert append(session, secrets, candidates, imported(NOW, datetime(2027, 2, 1, tzinfo=UTC))) == (1, 0, 1)
        assert open_counts(session) == {"too-far-ahead": 2}


def test_a_position_moves_only_forward_and_each_consumer_has_its_own(database: Database):
    with database.transaction(1) as session:
        assert lock_position(session, "consumer") == 0
        advance(session, "consumer", 7)
        advance(session, "consumer", 3)
    with database.transaction(1) as session:
        assert position(session, "consumer") == 7
        assert position(session, "lake") == 0
    with database.transaction(2) as session:
        assert lock_position(session, "consumer") == 0


def test_a_rolled_back_append_leaves_nothing(database: Database, secrets: Secrets):
    def fail() -> None:
        with database.transaction(1) as session:
            append(session, secrets, GATE.check_all([order(1), b"{}"], NOW), live(NOW))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # our own, from three lines above
        fail()
    with database.transaction(1) as session:
        assert (read_after(session, 0), open_counts(session)) == ([], {})
    assert send(database, secrets, order(1)) == (1, 0, 0)
