"""Quarantine and replay: one bad event never stops the rest, and a second replay has no second effect."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.events import (
    RefusedBy,
    append,
    drop,
    imported,
    keep_clock_by_hand,
    open_counts,
    quarantined,
    read_after,
    refuse_logged,
    requeue,
    take_refused,
)
from keyuan.events.intake import parse_plan
from store.event_rows import GATE, NOW, order, send

POISON = {
    "malformed": b"{",
    "too-large": order(100, note="x" * 40_000),
    "too-deep": order(101)[:-1] + b', "x": ' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    "bad-type": order(102, type="purchase"),
    "no-sender": order(103, userId=None),
    "bad-sender": order(104, userId={"id": 5}),
    "bad-time": order(105, timestamp="soon"),
    "too-far-ahead": order(106, timestamp="2099-01-01T00:00:00Z"),
    "no-event-name": order(107, event=""),
    "bad-properties": order(108, properties="none"),
    "control-characters": order(109, userId="a\0b"),
    "bad-order": order(110, properties={"total": 5}),
    "bad-amount": order(111, properties={"order_id": "x", "total": "12.505"}),
    "negative-amount": order(112, properties={"order_id": "x", "total": -1}),
    "bad-number": order(113, properties={"order_id": "x", "total": 1, "y": 10**40}),
    "conflict": order(0, properties={"order_id": "0", "total": 99}),
}


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


def test_no_kind_of_poison_stops_the_rest(database: Database, secrets: Secrets):
    mixed = [order(0)]
    for number, raw in enumerate(POISON.values(), start=1):
        mixed += [raw, order(number)]
    assert send(database, secrets, *mixed) == (17, 0, 16)
    with database.transaction(1) as session:
        assert open_counts(session) == dict.fromkeys(sorted(POISON), 1)
        assert len(read_after(session, 0)) == 17
    with database.transaction(2) as session:
        assert quarantined(session) == []


def test_the_same_bad_bytes_are_one_row_that_counts(database: Database, secrets: Secrets):
    bad = order(1, userId="")
    assert send(database, secrets, bad, bad) == (0, 0, 2)
    assert send(database, secrets, bad) == (0, 0, 1)
    with database.transaction(1) as session:
        assert [(one.reason, one.times, one.seq) for one in quarantined(session)] == [("bad-sender", 3, None)]


def test_an_event_that_is_good_by_now_is_replayed_once(database: Database, secrets: Secrets):
    send(database, secrets, order(1, timestamp="2026-05-03T00:00:00Z"), order(2, messageId=None, userId=""))
    later = NOW + timedelta(days=2)
    with database.transaction(1) as session:
        ids = [one.id for one in quarantined(session)]
        assert requeue(session, secrets, ids, later) == (1, 0, 1)
    with database.transaction(1) as session:
        assert requeue(session, secrets, ids, later) == (0, 0, 1)
        assert open_counts(session) == {"bad-sender": 1}
        assert len(read_after(session, 0)) == 1
        assert [one.reason for one in quarantined(session, state="replayed")] == ["too-far-ahead"]
    assert send(database, secrets, order(1, timestamp="2026-05-03T00:00:00Z")) == (0, 1, 0)


def test_a_replay_keeps_the_message_key_of_an_event_without_an_id(database: Database, secrets: Secrets):
    send(database, secrets, order(1, messageId=None, timestamp="2026-05-03T00:00:00Z"))
    with database.transaction(1) as session:
        ids = [one.id for one in quarantined(session)]
        with_plan = parse_plan('version = 1\n[events."Order Completed"]\nkind = "order"')
        assert requeue(session, secrets, ids, NOW + timedelta(days=2), with_plan) == (1, 0, 0)
        kept = session.row("SELECT message_key FROM events.quarantine")
        assert kept == (read_after(session, 0)[0].message_key,)


def test_a_conflict_stays_a_conflict_when_it_is_replayed(database: Database, secrets: Secrets):
    send(database, secrets, order(0), POISON["conflict"])
    with database.transaction(1) as session:
        ids = [one.id for one in quarantined(session)]
        assert requeue(session, secrets, ids, NOW) == (0, 0, 1)
        assert open_counts(session) == {"conflict": 1}
        assert drop(session, ids) == 1
        assert requeue(session, secrets, ids, NOW) == (0, 0, 0)


def test_an_imported_event_is_not_shifted_when_it_is_replayed(database: Database, secrets: Secrets):
    with database.transaction(1) as session:
        keep_clock_by_hand(session, NOW.replace(year=2020))
        candidates = GATE.check_all([order(1, timestamp="2019-01-01")], NOW)
        append(session, secrets, candidates, imported(NOW, NOW.replace(year=2018)))
        ids = [one.id for one in quarantined(session)]
        requeue(session, secrets, ids, NOW)
        assert [event.at.year for event in read_after(session, 0)] == [2019]


def test_an_event_that_the_consumer_refuses_is_listed_and_handed_out_once(database: Database, secrets: Secrets):
    send(database, secrets, order(1), order(2))
    with database.transaction(1) as session:
        event = read_after(session, 0)[0]
        for consumer in ("a", "a", "b"):
            refuse_logged(session, secrets, event, RefusedBy(consumer, NOW, "it cannot be"))
        listed, other = quarantined(session, reason="processing")
        assert (listed.seq, listed.consumer, listed.times, listed.detail) == (event.seq, "a", 2, "it cannot be")
        assert (other.seq, other.consumer, other.times) == (event.seq, "b", 1)
        assert requeue(session, secrets, [listed.id], NOW) == (0, 0, 0)
        assert take_refused(session, [listed.id, uuid4()]) == [event.seq]
        assert take_refused(session, [listed.id]) == []


def test_a_foreign_tenant_can_neither_replay_nor_drop(database: Database, secrets: Secrets):
    send(database, secrets, order(1, timestamp="2026-05-03T00:00:00Z"))
    with database.transaction(1) as session:
        ids = [one.id for one in quarantined(session)]
    with database.transaction(2) as session:
        assert requeue(session, secrets, ids, NOW + timedelta(days=2)) == (0, 0, 0)
        assert drop(session, ids) == 0


def test_details_are_words_of_ours(database: Database, secrets: Secrets):
    send(database, secrets, json.dumps({"type": "secret words"}).encode())
    with database.transaction(1) as session:
        assert "secret" not in quarantined(session)[0].detail
