"""The lake holds what consent allows, once, and nobody who could be found in it."""

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from keyuan import events, ledger
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.engines.lake import Shape
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.flows import lake as lake_flow
from keyuan.flows.expire import expire
from keyuan.flows.lake import LakeAheadError, LakeWriter
from keyuan.flows.lake_people import withdrawn
from keyuan.insight.tables import EVENTS, POINTS
from shop import Shop, instant, open_shop

PERSONALISATION, LOYALTY = Purpose.PERSONALISATION, Purpose.LOYALTY


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Shop:
    return open_shop(database, tmp_path / "keys")


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    return DeltaLake(tmp_path / "lake")


@pytest.fixture
def writer(shop: Shop, lake: DeltaLake) -> LakeWriter:
    return writer_of(shop, lake)


def writer_of(shop: Shop, lake: DeltaLake) -> LakeWriter:
    return LakeWriter(shop.database, shop.secrets, lake, shop.tenant)


def rows(lake: DeltaLake, shape: Shape = EVENTS, tenant: int = 1) -> list[dict[str, Any]]:
    with lake.open(tenant) as tables:
        table = tables.table(shape)
        found = tables.rows(table.order_by(next(iter(shape.columns))))
    return [dict(zip(shape.columns, row, strict=True)) for row in found]


def customers(lake: DeltaLake) -> list[int | None]:
    return [row["customer"] for row in rows(lake)]


def other(shop: Shop, name: str, event: str, at: str) -> dict[str, Any]:
    return shop.order(name, at) | {"event": event, "properties": {"campaign_id": "18", "campaign_type": "Type A"}}


def three_customers(shop: Shop) -> None:
    """Ann agreed, Bob did not, Cas agreed later than her first order."""
    shop.agree("ann", PERSONALISATION, LOYALTY)
    shop.agree("cas", PERSONALISATION, at=instant("2017-03-01"))
    shop.send(
        other(shop, "ann", "Campaign Sent", "2017-02-01T00:00:00Z"),
        other(shop, "bob", "Campaign Sent", "2017-02-01T00:00:00Z"),
        shop.order("ann", "2017-02-02T10:00:00Z", "10.00"),
        shop.order("bob", "2017-02-03T23:59:59.999999Z", "20.00"),
        shop.order("cas", "2017-02-28T10:00:00Z", "30.00"),
        shop.order("cas", "2017-03-01T00:00:00Z", "40.00"),
        other(shop, "ann", "Coupon Redeemed", "2017-03-02T00:00:00Z"),
    )


def test_orders_of_everybody_count_and_only_who_agreed_is_a_number(shop: Shop, lake: DeltaLake, writer: LakeWriter):
    three_customers(shop)
    assert writer.catch_up() == 7
    found = rows(lake)
    ann, cas = found[0]["customer"], found[-2]["customer"]
    assert None not in {ann, cas}
    assert ann != cas
    assert [(row["kind"], row["customer"], row["total_minor"], str(row["day"])) for row in found] == [
        ("campaign_sent", ann, None, "2017-02-01"),
        ("order", ann, 1_000, "2017-02-02"),
        ("order", None, 2_000, "2017-02-03"),
        ("order", None, 3_000, "2017-02-28"),
        ("order", cas, 4_000, "2017-03-01"),
        ("coupon_redeemed", ann, None, "2017-03-02"),
    ]
    assert {(row["currency"], row["lines"]) for row in found if row["kind"] == "order"} == {("USD", 1)}


def test_nothing_in_the_lake_names_anybody(shop: Shop, lake: DeltaLake, writer: LakeWriter):
    three_customers(shop)
    writer.catch_up()
    texts = {value for row in rows(lake) for value in row.values() if isinstance(value, str)}
    assert texts == {"order", "campaign_sent", "coupon_redeemed", "USD"}
    person = shop.person("ann")
    sender = shop.secrets.sender(1, "user", "ann")
    told = {int.from_bytes(part, "big", signed=True) for part in (person.bytes[:8], person.bytes[8:], sender[:8])}
    assert not told & {value for row in rows(lake) for value in row.values()}
    assert rows(lake)[1]["customer"] != rows(lake)[1]["order_key"]


def test_an_order_sent_twice_has_one_key_and_tenants_share_none(database: Database, tmp_path: Path, lake: DeltaLake):
    for tenant in (1, 2):
        shop = open_shop(database, tmp_path / "keys", tenant)
        shop.agree("ann", PERSONALISATION)
        shop.send(*[shop.order("ann", "2017-02-02T10:00:00Z", order_id="o1") for _ in range(2)])
        writer_of(shop, lake).catch_up()
    keys = [{row["order_key"] for row in rows(lake, tenant=tenant)} for tenant in (1, 2)]
    assert [len(each) for each in keys] == [1, 1]
    assert keys[0] != keys[1]
    assert not set(customers(lake)) & {row["customer"] for row in rows(lake, tenant=2)}


def test_a_writer_goes_on_where_the_table_is_whatever_the_size_of_its_steps(
    shop: Shop, lake: DeltaLake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lake_flow, "EVENTS_MAX", 3)
    three_customers(shop)
    first = writer_of(shop, lake)
    second = writer_of(shop, lake)
    assert [first.step(), second.step(), first.step(at_once=True), second.step(at_once=True)] == [3, 3, 1, 0]
    assert [row["seq"] for row in rows(lake)] == sorted({row["seq"] for row in rows(lake)})
    seqs = [row["seq"] for row in rows(lake)]
    assert len(seqs) == len(set(seqs)) == 6


def test_a_writer_that_kept_its_position_past_one_who_was_killed_finds_it_again(
    shop: Shop, lake: DeltaLake, monkeypatch: pytest.MonkeyPatch
):
    kept = writer_of(shop, lake)
    assert kept.catch_up() == 0
    three_customers(shop)

    def die(*_: object) -> int:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(LakeWriter, "_take_points", die)
        with pytest.raises(KilledError):
            writer_of(shop, lake).step()
    shop.send(shop.order("ann", "2017-04-01T00:00:00Z"))
    assert kept.catch_up() == 1
    assert len(rows(lake)) == 7


def test_a_writer_rests_between_looks_and_writes_nothing_when_nothing_is_new(shop: Shop, lake: DeltaLake):
    three_customers(shop)
    writer = writer_of(shop, lake)
    assert writer.step() == 7
    version = len(list((lake.place(1, EVENTS) / "_delta_log").iterdir()))
    shop.send(shop.order("ann", "2017-04-01T00:00:00Z"))
    assert [writer.step() for _ in range(3)] == [0, 0, 0]
    writer.every_s = 0.0
    assert writer.step(at_once=True) == 1
    assert [writer.step() for _ in range(3)] == [0, 0, 0]
    assert len(list((lake.place(1, EVENTS) / "_delta_log").iterdir())) == version + 1


def test_killed_after_the_append_and_before_the_commit_nothing_is_written_twice(
    shop: Shop, lake: DeltaLake, monkeypatch: pytest.MonkeyPatch
):
    three_customers(shop)

    def die(*_: object) -> int:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(LakeWriter, "_take_points", die)
        with pytest.raises(KilledError):
            writer_of(shop, lake).step()
    assert len(rows(lake)) == 6
    shop.agree("ann", PERSONALISATION, at=instant("2017-06-01"), given=False)
    assert writer_of(shop, lake).catch_up() == 0
    assert len(rows(lake)) == 6
    assert [number is None for number in customers(lake)] == [True, True, True, True, False, True]


def test_who_withdraws_leaves_her_rows_in_all_files(shop: Shop, lake: DeltaLake, writer: LakeWriter):
    three_customers(shop)
    writer.catch_up()
    ann = customers(lake)[0]
    shop.agree("ann", PERSONALISATION, at=instant("2017-06-01"), given=False)
    shop.send(shop.order("ann", "2017-06-02T00:00:00Z"))
    shop.agree("ann", PERSONALISATION, at=instant("2017-07-01"))
    shop.send(shop.order("ann", "2017-07-01T00:00:00Z"))
    writer.catch_up()
    assert [row["seq"] for row in rows(lake) if row["customer"] == ann] == [rows(lake)[-1]["seq"]]
    assert Counter(row["kind"] for row in rows(lake))["order"] == 6
    for path in lake.place(1, EVENTS).glob("*.parquet"):
        assert held(path).count(ann) <= 1


def held(path: Path) -> list[int]:
    import duckdb  # noqa: PLC0415  # a look past the lake

    return [row[0] for row in duckdb.execute(f"SELECT customer FROM '{path}'").fetchall()]


def test_a_withdrawal_while_a_batch_is_written_takes_effect_with_the_next_look(
    shop: Shop, lake: DeltaLake, writer: LakeWriter, monkeypatch: pytest.MonkeyPatch
):
    three_customers(shop)
    append = lake.append

    def withdraw_first(*args: Any) -> None:
        monkeypatch.setattr(lake, "append", append)
        shop.agree("ann", PERSONALISATION, at=instant("2017-06-01"), given=False)
        append(*args)

    monkeypatch.setattr(lake, "append", withdraw_first)
    assert writer.step() == 7
    assert customers(lake)[0] is not None
    writer.step(at_once=True)
    assert [number is None for number in customers(lake)] == [True, True, True, True, False, True]


def test_a_forgotten_sender_leaves_the_lake_and_is_skipped_when_it_is_filled_again(
    shop: Shop, lake: DeltaLake, writer: LakeWriter
):
    three_customers(shop)
    shop.send(other(shop, "cas", "Said Something", "2017-03-03T00:00:00Z"))
    sender = shop.secrets.sender(1, "user", "cas")
    writer.catch_up()
    with shop.database.transaction(1) as session:
        assert events.forget(session, [sender], datetime.now(UTC) + timedelta(microseconds=1)) == 1
    assert writer.erase([sender]) == 2
    assert [row["total_minor"] for row in rows(lake) if row["kind"] == "order"] == [1_000, 2_000]
    before = rows(lake)

    shutil.rmtree(lake.place(1, EVENTS))
    again = writer_of(shop, lake)
    again.catch_up()
    assert rows(lake) == before

    shop.send(shop.order("cas", "2017-05-01T00:00:00Z", "50.00"))
    again.catch_up()
    assert [row["total_minor"] for row in rows(lake) if row["kind"] == "order"] == [1_000, 2_000, 5_000]


def test_points_of_days_are_those_of_the_ledger(shop: Shop, lake: DeltaLake, writer: LakeWriter):
    three_customers(shop)
    shop.agree("bob", LOYALTY)
    writer.catch_up()
    assert rows(lake, POINTS) == []
    shop.run()
    writer.catch_up()
    shop.send(shop.order("bob", "2017-04-01T23:59:59.999999Z", "7.00"), shop.order("bob", "2017-04-02T00:00:00Z"))
    shop.run()
    writer.catch_up()
    with shop.database.transaction(1) as session:
        totals = ledger.totals(session, instant("2018-06-01"))
        (awarded,) = session.row("SELECT count(*) FROM ledger.entry") or (0,)
    found = rows(lake, POINTS)
    assert {(str(row["day"]), row["issued"]) for row in found} == {
        ("2017-02-02", 10),
        ("2017-02-03", 20),
        ("2017-04-01", 7),
        ("2017-04-02", 10),
    }
    assert sum(row["issued"] for row in found) == totals.points_issued == 47
    assert lake.position(1, POINTS) == awarded == 4
    expire(shop.database, 1, instant("2018-06-01"))
    writer.catch_up()
    assert sum(row["expired"] for row in rows(lake, POINTS)) == 47


def test_a_lake_that_is_ahead_of_its_database_stops(shop: Shop, lake: DeltaLake, writer: LakeWriter):
    three_customers(shop)
    writer.catch_up()
    with shop.database.transaction(1) as session:
        session.execute("DELETE FROM events.log WHERE seq = %(seq)s", seq=events.last_seq(session))
    with pytest.raises(LakeAheadError, match="delete its folder"):
        writer_of(shop, lake).step()


@pytest.mark.parametrize(
    ("timeline", "spans"),
    [
        ([], []),
        ([(10, True)], []),
        ([(10, True), (20, False)], [(None, 10), (10, 20), (20, None)]),
        ([(10, True), (20, False), (30, True)], [(None, 10), (10, 20), (20, 30)]),
        ([(10, False)], [(None, 10), (10, None)]),
        ([(10, False), (10, True)], [(None, 10)]),
        ([(10, True), (10, False)], [(None, 10), (10, None)]),
    ],
)
def test_what_a_withdrawal_reaches(timeline: list[tuple[int, bool]], spans: list[tuple[int | None, int | None]]):
    assert withdrawn(timeline) == spans
