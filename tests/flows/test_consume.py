"""The consumers: batches are halved down to the one bad event, which waits in quarantine while all others take effect.

Each guard has a planted bug beside it. On a real PostgreSQL.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from crash.checker import faults, furnish
from crash.orders import Story, has_portrait, is_member
from keyuan import events, loyalty
from keyuan.consent import Purpose
from keyuan.engines.database import Database, DatabaseGoneError, Session
from keyuan.flows import consume, replay
from keyuan.flows.consume import Consumer
from keyuan.flows.crowd import Crowd
from keyuan.flows.places import CONSUMERS, POINTS, PORTRAITS, passed_by_all
from keyuan.flows.take_along import take_along
from keyuan.kernel.digest import sha256
from keyuan.ledger import KeyConflictError, LedgerCorruptionError
from shop import Shop, instant, open_shop

STORY = Story(5, datetime(2025, 5, 1, 12, tzinfo=UTC))


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Shop:
    made = Shop(database, open_shop(database, tmp_path / "keys", tenant=2).secrets)
    for tenant in (1, 2):
        with database.transaction(tenant) as session:
            furnish(session, made.secrets)
    return made


def send(shop: Shop, *messages: str, source: str = "till") -> events.Receipt:
    return shop.send(*map(STORY.body, messages), source=source)


def wrong(shop: Shop, *messages: str, tenant: int = 1) -> list[str]:
    return faults(shop.database, shop.secrets, STORY, messages, messages, tenant=tenant)


def points(shop: Shop, name: str) -> int:
    with shop.database.transaction(shop.tenant) as session:
        return take_along(session, shop.secrets, name)["points"][0]["available"]


def refused(shop: Shop) -> list[tuple[str, str, int]]:
    with shop.database.transaction(shop.tenant) as session:
        return [(each.reason, each.detail, each.times) for each in events.quarantined(session)]


def chokes_on(name: str, numbers: set[int], error: Callable[[], Exception], sizes: list[int]) -> Callable[..., None]:
    """Return what a consumer does that cannot take some numbers of the log, and notes the sizes of its batches."""
    take = consume.TAKES[name]

    def flow(session: Session, secrets: Any, batch: list[events.LoggedEvent], crowd: Crowd, now_us: int) -> None:
        sizes.append(len(batch))
        take(session, secrets, batch, crowd, now_us)
        if any(event.seq in numbers for event in batch):
            raise error()

    return flow


POISONS = [ValueError, TypeError, KeyError, ZeroDivisionError, OverflowError, AssertionError, KeyConflictError]


@pytest.mark.parametrize("name", CONSUMERS)
@pytest.mark.parametrize("poison", POISONS)
def test_one_bad_event_is_put_aside_and_all_others_take_effect(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, poison: type[Exception], name: str
):
    messages = [f"till-{number}" for number in range(1, 65)]
    send(shop, *messages)
    with shop.database.transaction(1) as session:
        bad = events.read_after(session, 0)[40].seq
    sizes: list[int] = []
    choking = chokes_on(name, {bad}, lambda: poison("household:9 said it"), sizes)
    monkeypatch.setitem(consume.TAKES, name, choking)
    assert shop.run() == 64
    assert sum(sizes) <= 3 * 64
    with shop.database.transaction(1) as session:
        assert passed_by_all(session) == events.last_seq(session)
    ((reason, detail, times),) = refused(shop)
    assert (reason, times) == ("processing", 1)
    assert "household:9" not in detail or issubclass(poison, KeyConflictError)
    monkeypatch.undo()
    assert replay.replay(shop.database, shop.secrets, 1).processed == 1
    assert replay.replay(shop.database, shop.secrets, 1).tried == 0
    assert wrong(shop, *messages) == []


def test_many_bad_events_cost_only_themselves_whoever_refuses_them(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    send(shop, *(f"till-{number}" for number in range(1, 41)))
    with shop.database.transaction(1) as session:
        bad = {event.seq for event in events.read_after(session, 0)[::8]}
    for name in CONSUMERS:
        monkeypatch.setitem(consume.TAKES, name, chokes_on(name, bad, ValueError, []))
    assert shop.run() == 40
    assert len(refused(shop)) == 5 * len(CONSUMERS)
    monkeypatch.undo()
    found = replay.replay(shop.database, shop.secrets, 1)
    assert (found.tried, found.processed, found.still_refused) == (10, 10, 0)
    assert wrong(shop, *(f"till-{number}" for number in range(1, 41))) == []


@pytest.mark.parametrize("trouble", [DatabaseGoneError, LedgerCorruptionError])
def test_trouble_that_is_not_the_events_fault_puts_nothing_aside(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
):
    send(shop, "till-1", "till-2")
    monkeypatch.setitem(consume.TAKES, POINTS, chokes_on(POINTS, set(range(10_000)), trouble, []))
    with pytest.raises(trouble):
        shop.run()
    assert refused(shop) == []
    monkeypatch.undo()
    assert shop.run() == 2
    assert wrong(shop, "till-1", "till-2") == []


def test_a_till_and_an_app_that_tell_the_same_order_award_it_once(shop: Shop):
    messages = [f"{which}-{number}" for number in range(1, 30) if number % 9 for which in ("till", "app")]
    assert send(shop, *messages).appended == len(messages)
    assert send(shop, *messages).repeats == len(messages)
    shop.run()
    assert wrong(shop, *messages) == []


def test_two_sources_with_ids_of_their_own_award_an_order_once(shop: Shop):
    number = next(n for n in range(1, 50) if is_member(STORY.happened(n).customer) and STORY.happened(n).points)
    for source in ("till", "app", "import"):
        assert send(shop, f"till-{number}", source=source).appended == 1
    shop.run()
    with shop.database.transaction(1) as session:
        assert session.rows("SELECT count(*), sum(e.points)::int8 FROM ledger.entry AS e") == [
            (1, STORY.happened(number).points)
        ]


def test_an_earn_key_that_forgets_the_order_awards_it_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    numbers = iter(range(10_000))

    def forgetful(*arguments: Any) -> list[bytes]:
        return [sha256(b"%d" % next(numbers)) for _ in arguments[-1]]

    monkeypatch.setattr(loyalty, "earn_keys", forgetful)
    send(shop, *(f"{which}-{number}" for number in range(1, 9) for which in ("till", "app")))
    shop.run()
    messages = [f"{which}-{number}" for number in range(1, 9) for which in ("till", "app")]
    assert any(fault.startswith("award") for fault in wrong(shop, *messages))


def test_an_intake_that_forgets_messages_counts_them_twice(shop: Shop, superuser: Any):
    superuser.execute("ALTER TABLE events.message DROP CONSTRAINT message_pkey")
    for _ in range(2):
        send(shop, "till-1", "till-2")
    shop.run()
    assert any(fault.startswith("twice") for fault in wrong(shop, "till-1", "till-2"))


def test_a_consumer_started_again_from_an_old_position_finds_everything_done(shop: Shop):
    messages = [f"till-{number}" for number in range(1, 30) if number % 9]
    send(shop, *messages)
    shop.run()
    with shop.database.transaction(1) as session:
        session.execute("UPDATE events.position SET seq = 0")
    shop.run()
    found = wrong(shop, *messages)
    assert [fault.split(":")[0] for fault in found] == ["portrait"], "points stay; only the count of facts can grow"


def test_two_tenants_live_side_by_side(shop: Shop):
    other = Shop(shop.database, shop.secrets, tenant=2)
    mine, theirs = [f"till-{number}" for number in range(1, 20)], [f"till-{number}" for number in range(10, 40)]
    send(shop, *mine)
    send(other, *theirs)
    assert (shop.run(), other.run()) == (len(mine), len(theirs))
    assert wrong(shop, *mine) == []
    assert wrong(other, *theirs, tenant=2) == []


@pytest.mark.parametrize("sizes", [(1, 2, 3, 5, 8, 13, 21, 34), (34, 21, 13, 8, 5, 3, 2, 1)])
def test_steps_of_any_size_in_any_turn_come_to_the_same(shop: Shop, sizes: tuple[int, ...]):
    messages = [f"till-{number}" for number in range(1, 60)]
    assert any(has_portrait(STORY.happened(number).customer) for number in range(1, 60))
    send(shop, *messages)
    first, second = consume.consumers(shop.database, shop.secrets, 1)
    for size, other in zip(sizes, reversed(sizes), strict=True):
        first.step(size)
        second.step(other)
    assert wrong(shop, *messages) == []


def test_what_a_consumer_keeps_is_read_again_after_another_one_and_after_a_change(shop: Shop):
    shop.agree("anna", *Purpose)
    (consumer,) = [each for each in consume.consumers(shop.database, shop.secrets, 1) if each.name == POINTS]
    for day in (1, 2):
        shop.send(shop.order("anna", f"2025-05-0{day}T10:00:00Z"))
        assert consumer.step() == 1
    assert points(shop, "anna") == 20
    shop.agree("anna", Purpose.LOYALTY, at=instant("2025-05-03T00:00:00"), given=False)
    shop.send(shop.order("anna", "2025-05-03T10:00:00Z"))
    assert consumer.step() == 1
    assert points(shop, "anna") == 20
    shop.agree("anna", Purpose.LOYALTY, at=instant("2025-05-04T00:00:00"))
    shop.send(shop.order("anna", "2025-05-04T10:00:00Z"))
    assert shop.follow(POINTS) == 1
    shop.send(shop.order("anna", "2025-05-05T10:00:00Z"))
    assert consumer.step() == 1
    assert points(shop, "anna") == 40


def test_a_consumer_that_hears_no_notices_awards_after_a_withdrawal(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    def hear_nothing(_session: Session, _consumer: str) -> set[UUID]:
        return set()

    monkeypatch.setattr(events, "take_notices", hear_nothing)
    with pytest.raises(AssertionError):
        test_what_a_consumer_keeps_is_read_again_after_another_one_and_after_a_change(shop)


def test_a_consumer_with_nothing_to_do_claims_nothing_and_wakes_up_again(shop: Shop):
    send(shop, "till-1")
    consumer = Consumer(shop.database, shop.secrets, shop.tenant, POINTS)
    assert (consumer.step(), consumer.step()) == (1, 0)
    with shop.database.transaction(shop.tenant) as session, ThreadPoolExecutor() as pool:
        events.lock_position(session, POINTS)
        assert pool.submit(consumer.step).result(10) == 0
    send(shop, "till-2")
    assert (consumer.step(), consumer.step()) == (1, 0)


def test_a_clock_kept_by_hand_waits_for_the_slower_consumer(shop: Shop):
    with shop.database.transaction(1) as session:
        events.keep_clock_by_hand(session, instant("2025-05-01T00:00:00"))
    shop.send(shop.order("anna", "2025-05-02T10:00:00Z"), shop.order("bo", "2025-05-03T10:00:00Z"))
    points, portraits = (Consumer(shop.database, shop.secrets, 1, name) for name in (POINTS, PORTRAITS))
    shown: list[int] = []
    for consumer in (points, portraits, portraits, points):
        consumer.step(1)
        with shop.database.transaction(1) as session:
            shown.append(events.read_clock(session).at.day)
    assert shown == [1, 2, 2, 3]
