"""What happens on a date happens once, in its place, to those who have the points and agree; and to nobody else.

Each guard has a planted bug beside it. On a real PostgreSQL.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from keyuan import events, ledger, loyalty
from keyuan.app.demo import story
from keyuan.consent import Purpose
from keyuan.engines.database import Database, Session
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.events.calendar import SOURCE, Date, Due
from keyuan.events.mapping import dated
from keyuan.events.model import NOBODY
from keyuan.events.sources import ReservedSourceError
from keyuan.flows import consume, import_file, redeem_due, wallet
from keyuan.flows.as_of import traits_as_of
from keyuan.flows.consume import Consumer
from keyuan.flows.figures import figures
from keyuan.flows.import_file import ImportReport, import_files, shipped_mapping
from keyuan.flows.lake import LakeWriter
from keyuan.flows.places import POINTS
from keyuan.flows.replay import replay
from keyuan.flows.take_along import take_along
from keyuan.insight.tables import EVENTS
from keyuan.insight.tables import POINTS as POINTS_OF_DAYS
from keyuan.kernel.digest import sha256
from shop import CLOSED, Shop, instant, open_shop
from unit.ledger.samples import redeem

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
RICH = "1200.00"
VOUCHER = Due(programme=story.PROGRAMME.id, points=1_000, made_up=True)
BRAND = story.PROGRAMME.brand
SAMPLE = Path(__file__).parents[1] / "data" / "completejourney_sample"
SHIPPED = shipped_mapping("complete_journey")
MAILINGS = dated(structs.replace(SHIPPED, source=SHIPPED.source[1:3]), story.DATES)
TABLES_OF_PEOPLE = ("profiles.identity", "profiles.portrait", "profiles.contact", "events.sender_key")


class KilledError(Exception):
    """Stands for the end of the process between two transactions."""


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Shop:
    """Return a shop whose members may have any number of points a day."""
    with database.transaction(1) as session:
        rule = story.PROGRAMME.rule._replace(daily_cap=100_000)
        loyalty.create_programme(session, story.PROGRAMME._replace(rule=rule))
    return open_shop(database, tmp_path / "keys")


def on(at: str, programme: str = story.PROGRAMME.id) -> Date:
    return Date(instant(at), structs.replace(VOUCHER, programme=programme))


def tell(shop: Shop, *what: dict[str, Any] | Date) -> events.Receipt:
    """Bring events in, in this order, dates by their own gate."""
    till, calendar = events.Gate(source="till"), events.Gate(source=SOURCE)
    candidates = [
        calendar.check(each.body, NOW) if isinstance(each, Date) else till.check(json.dumps(each).encode(), NOW)
        for each in what
    ]
    with shop.database.transaction(shop.tenant) as session:
        return events.append(session, shop.secrets, candidates, events.imported(NOW, CLOSED))


def entries(shop: Shop) -> list[tuple[str, int]]:
    """Return kind and points of every entry, in order."""
    with shop.database.transaction(shop.tenant) as session:
        return [(ledger.Kind(each.kind).name.lower(), each.points) for each in ledger.entries(session)]


def available(shop: Shop, name: str) -> int:
    with shop.database.transaction(shop.tenant) as session:
        return take_along(session, shop.secrets, name)["points"][0].get("available", 0)


def count(shop: Shop, table: str) -> int:
    with shop.database.transaction(shop.tenant) as session:
        return session.rows(f"SELECT count(*) FROM {table}")[0][0]  # a name from this file


def refused(shop: Shop) -> list[tuple[str, str]]:
    with shop.database.transaction(shop.tenant) as session:
        return [(each.reason, each.source) for each in events.quarantined(session)]


def a_quarter(shop: Shop) -> list[dict[str, Any] | Date]:
    """Return three months with a date in each: who has enough when, who never, and who does not agree."""
    for name in ("anna", "bo", "cara"):
        shop.agree(name, *Purpose)
    shop.agree("dora", Purpose.PERSONALISATION)
    return [
        shop.order("anna", "2017-01-10T10:00:00Z", RICH),
        shop.order("bo", "2017-01-11T10:00:00Z", "999.00"),
        shop.order("dora", "2017-01-12T10:00:00Z", RICH),
        on("2017-02-01T00:00:00"),
        shop.order("bo", "2017-02-01T00:00:00Z", "1.00"),
        shop.order("cara", "2017-02-02T10:00:00Z", "3500.00"),
        on("2017-03-01T00:00:00"),
        shop.order("anna", "2017-03-01T00:00:00Z", "850.00"),
        on("2017-04-01T00:00:00"),
    ]


QUARTER = [
    ("award", 1_200), ("award", 999), ("redeem", 1_000),
    ("award", 1), ("award", 3_500), ("redeem", 1_000), ("redeem", 1_000),
    ("award", 850), ("redeem", 1_000), ("redeem", 1_000),
]  # fmt: skip


def test_on_a_date_every_member_who_has_the_points_redeems_them_and_nobody_else(shop: Shop):
    assert tell(shop, *a_quarter(shop)).appended == 9
    assert shop.run() == 9
    assert entries(shop) == QUARTER
    assert [available(shop, name) for name in ("anna", "bo", "cara", "dora")] == [50, 0, 1_500, 0]
    assert refused(shop) == []


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_it_is_the_same_however_the_log_is_cut_into_batches(shop: Shop, size: int):
    tell(shop, *a_quarter(shop))
    consumer = Consumer(shop.database, shop.secrets, 1, POINTS)
    while consumer.step(size):
        pass
    assert entries(shop) == QUARTER


def test_what_is_told_and_taken_twice_happens_once(shop: Shop):
    quarter = a_quarter(shop)
    tell(shop, *quarter)
    shop.run()
    assert tell(shop, *quarter) == events.Receipt(0, 9, 0)
    with shop.database.transaction(1) as session:
        session.execute("UPDATE events.position SET seq = 0")
    assert shop.follow(POINTS) == 9
    assert entries(shop) == QUARTER


def test_keys_that_forget_the_date_redeem_once_and_never_again(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    def forgetful(programme: str, what: str, _at_us: int) -> bytes:
        return sha256(programme.encode(), what.encode())

    monkeypatch.setattr(redeem_due.loyalty, "due_reference", forgetful)
    tell(shop, *a_quarter(shop))
    shop.run()
    assert entries(shop) != QUARTER


def test_only_points_that_do_not_end_before_the_date_count_and_the_first_to_end_go_first(shop: Shop):
    shop.agree("anna", *Purpose)
    tell(
        shop,
        shop.order("anna", "2017-01-10T10:00:00Z", "600.00"),
        shop.order("anna", "2017-06-10T10:00:00Z", "700.00"),
        on("2018-01-10T10:00:00"),
        shop.order("anna", "2018-01-11T10:00:00Z", "400.00"),
        on("2018-02-01T00:00:00"),
    )
    shop.run()
    assert [each for each in entries(shop) if each[0] == "redeem"] == [("redeem", 1_000)]
    with shop.database.transaction(1) as session:
        assert session.rows("SELECT granted, remaining FROM ledger.lot ORDER BY lot") == [
            (600, 600), (700, 0), (400, 100),
        ]  # fmt: skip
    assert refused(shop) == [], "in January too few points were left, which is no fault of the event"


@pytest.mark.parametrize(("withdrawn_at", "redeemed"), [("2017-01-20", 0), ("2017-02-01", 0), ("2017-02-15", 0)])
def test_who_has_withdrawn_before_or_since_redeems_nothing(shop: Shop, withdrawn_at: str, redeemed: int):
    shop.agree("anna", *Purpose)
    tell(shop, shop.order("anna", "2017-01-10T10:00:00Z", RICH))
    shop.run()
    shop.agree("anna", Purpose.LOYALTY, at=instant(withdrawn_at), given=False)
    tell(shop, shop.order("bo", "2017-01-31T10:00:00Z"), shop.order("bo", "2017-02-20T10:00:00Z"), on("2017-02-01"))
    shop.run()
    assert available(shop, "anna") == 1_200 - redeemed


def test_an_agreement_that_starts_after_the_date_does_not_reach_back(shop: Shop):
    shop.agree("anna", *Purpose)
    tell(shop, shop.order("anna", "2017-01-10T10:00:00Z", RICH))
    shop.run()
    shop.agree("anna", Purpose.LOYALTY, at=instant("2017-01-20"), given=False)
    shop.agree("anna", Purpose.LOYALTY, at=instant("2017-02-02"))
    tell(shop, on("2017-02-01"), on("2017-03-01"))
    shop.run()
    assert available(shop, "anna") == 200


def test_more_members_than_one_ledger_batch_takes_all_redeem(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redeem_due.ledger, "BATCH_MAX", 3)
    names = [f"m{number}" for number in range(8)]
    for name in names:
        shop.agree(name, *Purpose)
    tell(shop, *(shop.order(name, "2017-01-10T10:00:00Z", RICH) for name in names), on("2017-02-01T00:00:00"))
    assert shop.run() == 9
    assert entries(shop)[8:] == [("redeem", 1_000)] * 8


def chokes_on(kind: str) -> Callable[..., None]:
    take = consume.TAKES[POINTS]

    def flow(session: Session, secrets: Any, batch: list[events.Event], crowd: Any, now_us: int) -> None:
        take(session, secrets, batch, crowd, now_us)
        if any(event.kind == kind and event.at.month == 2 for event in batch):
            raise ValueError

    return flow


def test_a_bad_event_beside_a_date_changes_nothing_of_it(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    tell(shop, *a_quarter(shop))
    monkeypatch.setitem(consume.TAKES, POINTS, chokes_on("order"))
    shop.run()
    assert [each for each in entries(shop) if each[0] == "redeem"] == [("redeem", 1_000)] * 2
    assert refused(shop) == [("processing", "till")] * 2


def test_a_date_that_waited_in_quarantine_spends_only_what_was_there_on_that_date(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    tell(shop, *a_quarter(shop)[:7])
    monkeypatch.setitem(consume.TAKES, POINTS, chokes_on("calendar"))
    shop.run()
    assert refused(shop) == [("processing", SOURCE)]
    assert [each for each in entries(shop) if each[0] == "redeem"] == [("redeem", 1_000)] * 3
    monkeypatch.undo()
    assert replay(shop.database, shop.secrets, 1).processed == 1
    assert entries(shop)[-1] == ("redeem", 1_000), "only anna had 1,000 in February, and March took them"
    assert [available(shop, name) for name in ("anna", "bo", "cara")] == [200, 0, 2_500]


def test_a_date_of_an_unknown_programme_waits_in_quarantine(shop: Shop):
    shop.agree("anna", *Purpose)
    tell(shop, shop.order("anna", "2017-01-10T10:00:00Z", RICH), on("2017-02-01", programme="nobody"))
    shop.run()
    assert refused(shop) == [("processing", SOURCE)]
    assert entries(shop) == [("award", 1_200)]
    assert replay(shop.database, shop.secrets, 1).still_refused == 1


def test_a_customer_reads_what_her_points_went_for(shop: Shop):
    tell(shop, *a_quarter(shop)[:4])
    shop.run()
    with shop.database.transaction(1) as session:
        (holder,) = loyalty.holders(session, story.PROGRAMME.id, [shop.person("anna")]).values()
        ledger.post(session, [redeem("at the till", 150, holder=holder, brand=BRAND, at=instant("2017-02-01"))])
        latest = wallet.home(session, shop.person("anna")).latest
        month = wallet.activity(session, shop.person("anna"), (2017, 2)).movements
    assert [(each.line.available, each.voucher) for each in latest] == [(-150, False), (-1_000, True), (1_200, False)]
    assert [each.voucher for each in month] == [False, True]


def test_a_write_key_for_its_source_cannot_be_made(shop: Shop):
    with shop.database.transaction(1) as session, pytest.raises(ReservedSourceError):
        events.make_source(session, SOURCE, NOW)
    with shop.database.transaction(1) as session:
        assert events.make_source(session, "calendars", NOW).startswith("wk_1_")


def test_a_date_that_is_refused_waits_like_any_event_and_makes_no_key_of_nobodys(shop: Shop):
    late = Date(CLOSED.replace(month=2), VOUCHER)
    other = Date(instant("2017-02-01"), structs.replace(VOUCHER, points=5))
    assert tell(shop, on("2017-02-01"), other, late, {"type": "calendar", "userId": "eve"}) == events.Receipt(1, 0, 3)
    assert sorted(refused(shop)) == [("bad-type", "till"), ("conflict", SOURCE), ("too-far-ahead", SOURCE)]
    with shop.database.transaction(1) as session:
        assert session.rows("SELECT count(*) FROM events.sender_key WHERE sender = %(nobody)s", nobody=NOBODY) == [(0,)]
        waiting = {each.reason: each.id for each in events.quarantined(session)}
        events.move_clock(session, late.at, NOW)
        found = events.requeue(session, shop.secrets, [waiting["too-far-ahead"], waiting["bad-type"]], NOW)
    assert found == events.Receipt(1, 0, 1), "ours is taken when its time has come, the other one never"


def test_a_date_is_of_nobody(shop: Shop):
    quarter = a_quarter(shop)
    tell(shop, *(each for each in quarter if not isinstance(each, Date)))
    shop.run()
    before = [count(shop, table) for table in TABLES_OF_PEOPLE]
    tell(shop, *(each for each in quarter if isinstance(each, Date)))
    assert shop.run() == 3
    assert [count(shop, table) for table in TABLES_OF_PEOPLE] == before
    with shop.database.transaction(1) as session:
        assert figures(session, instant("2018-01-02"))["people"] == 4
        assert len(traits_as_of(session, instant("2018-01-02"), CLOSED)) == 4
    assert [count(shop, table) for table in TABLES_OF_PEOPLE] == before


def test_a_date_gives_the_lake_no_event_but_what_it_spent(shop: Shop, tmp_path: Path):
    tell(shop, *a_quarter(shop))
    shop.run()
    lake = DeltaLake(tmp_path / "lake")
    LakeWriter(shop.database, shop.secrets, lake, shop.tenant).catch_up()
    with lake.open(shop.tenant) as tables:
        assert sorted(tables.rows(tables.table(EVENTS).select("kind"))) == [("order",)] * 6
        spent = dict(tables.rows(tables.table(POINTS_OF_DAYS).select("day", "redeemed")))
    assert {day.month: points for day, points in spent.items() if points} == {2: 1_000, 3: 2_000, 4: 2_000}


def test_a_killed_import_puts_each_date_in_its_place_all_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(import_file, "BATCH_EVENTS_MAX", 250)

    def bring(tenant: int, on_progress: Callable[[int, int], None] | None = None) -> ImportReport:
        return import_files(
            shop.database, shop.secrets, tenant, MAILINGS, SAMPLE, system_now=NOW, on_progress=on_progress
        )

    def kill(done: int, _total: int) -> None:
        if done >= 1_000:
            raise KilledError

    with pytest.raises(KilledError):
        bring(1, kill)
    assert (bring(1).before, bring(2).events) == (1_000, 1_377 + 607 + 12)
    one, other = (whole_log(shop, tenant) for tenant in (1, 2))
    assert [(each.kind, each.at, each.body) for each in one] == [(each.kind, each.at, each.body) for each in other]
    places = [place for place, each in enumerate(one) if each.kind == "calendar"]
    assert [one[place].at for place in places] == [date.at for date in story.DATES]
    assert all(each.at < one[place].at for place in places for each in one[:place])
    assert all(each.at >= one[place].at for place in places for each in one[place:])
    assert {one[place].source for place in places} == {SOURCE}
    assert any(one[place].at == one[place + 1].at for place in places[:-1]), "something happened at one of them"


def whole_log(shop: Shop, tenant: int) -> list[events.LoggedEvent]:
    with shop.database.transaction(tenant) as session:
        return events.read_after(session, 0, limit=10_000)
