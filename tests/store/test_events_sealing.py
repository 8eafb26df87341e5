"""What is personal lies nowhere in clear, comes back only by its key, and is gone when the key is destroyed."""

import json
import logging
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from keyuan.engines.database import Database
from keyuan.engines.secrets import SealBrokenError, Secrets, open_secrets
from keyuan.events import forget, make_source, names_of, open_rests, quarantined, read_after, requeue
from store.event_rows import NOW, order, send

CANARY = "canary.7f3a@example.org"


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


def canary_events() -> list[bytes]:
    """Return events with the canary in every place that is not named as plain, acceptable or not."""
    base: dict[str, object] = {"type": "track", "event": "Signed In", "userId": CANARY, "messageId": CANARY}
    changes: list[dict[str, object]] = [
        {},
        {"messageId": CANARY + "2", "anonymousId": CANARY, "event": CANARY, "properties": {CANARY: CANARY}},
        {"messageId": CANARY + "3", "context": {"ip": CANARY, "traits": {"email": CANARY}}, CANARY: CANARY},
        {"messageId": CANARY + "4", "type": "identify", "traits": {"email": CANARY, "name": CANARY, "x": CANARY}},
        {"messageId": CANARY + "5", "type": "page", "name": CANARY, "properties": {"url": CANARY}},
        {"messageId": CANARY + "6", "type": "alias", "previousId": CANARY},
        {"messageId": CANARY + "7", "type": CANARY},
        {"messageId": CANARY + "8", "timestamp": CANARY},
        {"userId": CANARY * 20},
        {"properties": {"again": CANARY}},
        {"messageId": CANARY + "9", "timestamp": "2099-01-01"},
    ]
    orders = [
        {"order_id": "1", "total": 1, "gift_note": CANARY, "products": [{"product_id": "p", "engraving": CANARY}]},
        {"order_id": "2", "total": CANARY},
    ]
    whole = [base | change for change in changes]
    whole += [base | {"event": "Order Completed", "messageId": f"o{n}", "properties": o} for n, o in enumerate(orders)]
    return [json.dumps(event).encode() for event in whole] + [CANARY.encode(), f'["{CANARY}"]'.encode()]


def everything(superuser: psycopg.Connection[Any]) -> bytes:
    """Return all rows of all tables of the room, as bytes."""
    tables = superuser.execute(
        "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'events'::regnamespace AND c.relkind = 'r'"
    ).fetchall()
    found = [b""]
    for (table,) in tables:
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier("events", table))
        for row in superuser.execute(query):
            found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(found)


def test_no_name_address_or_unknown_text_lies_in_clear(
    database: Database,
    secrets: Secrets,
    superuser: psycopg.Connection[Any],
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    assert send(database, secrets, *canary_events()) == (7, 0, 8)
    with database.transaction(1) as session:
        details = [one.detail for one in quarantined(session)]
        events = read_after(session, 0)
        rests = open_rests(session, secrets, events)
        key = make_source(session, "app", NOW)
    stored = everything(superuser)
    assert len(details) == 8
    assert b'"order_id":"1"' in stored
    assert CANARY.encode() not in stored
    assert key.encode() not in stored
    assert CANARY not in caplog.text
    assert sum(rest is not None and CANARY.encode() in rest for rest in rests) == 6


def test_forgetting_a_sender_closes_what_was_sealed_and_nothing_else(database: Database, secrets: Secrets):
    send(database, secrets, *(order(number, note=f"note {number}") for number in range(3)))
    with database.transaction(1) as session:
        events = read_after(session, 0)
        assert forget(session, [events[1].sender], NOW) == 1
        assert forget(session, [events[1].sender], NOW) == 0
    with database.transaction(2) as session:
        assert forget(session, [events[0].sender], NOW) == 0
    with database.transaction(1) as session:
        rests = open_rests(session, secrets, read_after(session, 0))
    assert rests == [
        b'{"note":"note 0","userId":"household:0"}',
        None,
        b'{"note":"note 2","userId":"household:2"}',
    ]


def test_a_sender_that_comes_back_gets_a_fresh_key_and_the_past_stays_closed(database: Database, secrets: Secrets):
    send(database, secrets, order(1, note="old"))
    with database.transaction(1) as session:
        forget(session, [read_after(session, 0)[0].sender], NOW)
    send(database, secrets, order(8, note="new"))
    with database.transaction(1) as session:
        assert open_rests(session, secrets, read_after(session, 0)) == [None, b'{"note":"new","userId":"household:1"}']


def test_a_name_comes_back_by_the_key_of_its_sender_and_never_without(
    database: Database, secrets: Secrets, superuser: psycopg.Connection[Any]
):
    identify = json.dumps({"type": "identify", "userId": "household:3", "messageId": "i"}).encode()
    bare, forgotten = order(4), order(5, note="x")
    send(database, secrets, order(1, note="one"), identify, bare, forgotten, order(8, note="newer"))
    send(database, secrets, order(2, note="theirs"), tenant=2)
    by_name = {name: secrets.sender(1, "user", name) for name in (f"household:{number}" for number in range(1, 6))}
    with database.transaction(1) as session:
        forget(session, [by_name["household:5"]], NOW)
        found = names_of(session, secrets, by_name.values())
        assert found == {by_name[name]: name for name in ("household:1", "household:3")}
    assert b"household:" not in everything(superuser)
    with database.transaction(2) as session:
        assert names_of(session, secrets, by_name.values()) == {}


def test_a_quarantined_event_of_a_forgotten_sender_cannot_be_replayed(database: Database, secrets: Secrets):
    send(database, secrets, order(1, timestamp="2099-01-01"))
    with database.transaction(1) as session:
        forget(session, [secrets.sender(1, "user", "household:1")], NOW)
        ids = [one.id for one in quarantined(session)]
        assert requeue(session, secrets, ids, NOW.replace(year=2100)) == (0, 0, 0)


def test_a_sealed_value_moved_to_another_event_does_not_open(
    database: Database, secrets: Secrets, superuser: psycopg.Connection[Any]
):
    send(database, secrets, order(1, note="one"), order(8, note="eight"))
    superuser.execute(
        "UPDATE events.log SET sealed = (SELECT sealed FROM events.log ORDER BY seq LIMIT 1)"
        " WHERE seq = (SELECT max(seq) FROM events.log)"
    )
    with database.transaction(1) as session, pytest.raises(SealBrokenError):
        open_rests(session, secrets, read_after(session, 0))


def test_a_wrapped_key_moved_to_another_sender_does_not_open(
    database: Database, secrets: Secrets, superuser: psycopg.Connection[Any]
):
    send(database, secrets, order(1, note="one"), order(2, note="two"))
    superuser.execute("UPDATE events.sender_key SET wrapped_key = (SELECT wrapped_key FROM events.sender_key LIMIT 1)")
    with database.transaction(1) as session, pytest.raises(SealBrokenError):
        open_rests(session, secrets, read_after(session, 0))


def test_a_sender_of_another_tenant_has_another_hash(secrets: Secrets):
    assert secrets.sender(1, "user", "u") != secrets.sender(2, "user", "u")
    assert secrets.sender(1, "user", "u") != secrets.sender(1, "anonymous", "u")
