"""The real segment-analytics-python, unchanged, against a real server; the payloads of Segment's specification."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from segment.analytics.client import Client

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.events import LoggedEvent, make_source, open_counts, open_rests, read_after, read_order
from keyuan.web import make_app
from web.serving import serving

PAYLOADS = Path(__file__).parent.parent / "data" / "segment_spec" / "payloads.jsonl"
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Failures:
    """What the client reports to its owner."""

    def __init__(self) -> None:
        self.statuses: list[object] = []

    def note(self, error: Exception, _: object) -> None:
        self.statuses.append(getattr(error, "status", None))


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


@pytest.fixture
def key(database: Database) -> str:
    with database.transaction(1) as session:
        return make_source(session, "shop", datetime.now(UTC))


@pytest.fixture
def address(database: Database, secrets: Secrets) -> Iterator[str]:
    with serving(make_app(database, secrets)) as address:
        yield address


def logged(database: Database) -> list[LoggedEvent]:
    with database.transaction(1) as session:
        assert open_counts(session) == {}
        return read_after(session, 0)


@pytest.mark.parametrize("gzip", [False, True])
def test_everything_the_client_sends_is_in_the_log_once(
    database: Database, secrets: Secrets, address: str, key: str, *, gzip: bool
):
    failed = Failures()
    client = Client(key, host=address, gzip=gzip, on_error=failed.note, max_retries=0)
    client.identify("u1", {"email": "ann@example.org", "age": "45-54"}, timestamp=WHEN)
    order = {"order_id": "7", "total": 12.5, "currency": "USD", "products": [{"product_id": "p", "price": 12.5}]}
    client.track("u1", "Order Completed", order, timestamp=WHEN, message_id="m7")
    client.track("u1", "Order Completed", order, timestamp=WHEN, message_id="m7")
    client.page("u1", "Docs", "Home", {"url": "https://example.org"})
    client.screen("u1", "App", "Home")
    client.group("u1", "g1", {"name": "Initech"})
    client.alias("a1", "u1")
    client.track(anonymous_id="a1", event="Signed In")
    client.shutdown()
    events = logged(database)
    assert failed.statuses == []
    assert [event.kind for event in events] == ["identify", "order", "page", "screen", "group", "alias", "track"]
    user, anonymous = secrets.sender(1, "user", "u1"), secrets.sender(1, "anonymous", "a1")
    assert {event.sender for event in events[:-1]} == {user}
    assert (events[-1].sender, events[-1].name, events[5].anonymous) == (anonymous, "Signed In", anonymous)
    assert read_order(events[1].body).total_minor == 1250
    assert (events[0].at, json.loads(events[0].body)["age"]) == (WHEN, "45-54")
    with database.transaction(1) as session:
        rest = open_rests(session, secrets, events)[0]
    assert rest is not None
    assert json.loads(rest)["traits"] == {"email": "ann@example.org"}


def test_the_client_can_work_synchronously(database: Database, address: str, key: str):
    client = Client(key, host=address, sync_mode=True)
    assert client.track("u1", "Signed In", message_id="m1")[0] is True
    assert len(logged(database)) == 1


def test_the_client_does_not_retry_a_wrong_key(database: Database, address: str, key: str):
    failed = Failures()
    client = Client(key[:-1] + "#", host=address, on_error=failed.note)
    client.track("u1", "Signed In")
    client.shutdown()
    assert failed.statuses == [401]
    assert logged(database) == []


def test_the_payloads_of_the_specification_are_accepted_if_they_say_who(
    database: Database, secrets: Secrets, address: str, key: str
):
    payloads = [json.loads(line)["payload"] for line in PAYLOADS.read_text(encoding="utf-8").splitlines()]
    nameless = [one for one in payloads if not (one.get("userId") or one.get("anonymousId"))]
    assert (len(payloads), len(nameless)) == (50, 8)
    for number, payload in enumerate(payloads):
        # The same example stands on two pages; here each is a message of its own.
        payload["messageId"] = str(number)
    response = httpx.post(f"{address}/v1/batch", json={"batch": payloads}, auth=(key, ""), timeout=30)
    assert response.json() == {"success": True}
    with database.transaction(1) as session:
        events = read_after(session, 0)
        assert open_counts(session) == {"no-sender": 8}
        rests = open_rests(session, secrets, events)
    assert len(events) == 42
    unnamed = {payload["event"] for payload in payloads if payload["type"] == "track"} - {e.name for e in events}
    assert unnamed == {"User Registered", "Course Clicked", "Report Submitted"}
    clear = b"".join(event.body for event in events)
    for personal in (b"Gibbons", b"pgibbons@example.com", b"8.8.8.8", b"Mozilla", b"410-555"):
        assert personal not in clear
        assert any(rest is not None and personal in rest for rest in rests)
