"""The sample of real households, imported whole: every figure is compared with an independent query."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec import structs

from keyuan import events
from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.events.mapping import Mapping, parse_mapping
from keyuan.flows import import_file
from keyuan.flows.import_file import ImportMovedError, ImportReport, import_files, rows_total, shipped_mapping

SAMPLE = Path(__file__).parents[1] / "data" / "completejourney_sample"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MAPPING = shipped_mapping("complete_journey")
VISITS = """
name = "visits"
end = 2018-01-01T00:00:00Z
[[source]]
file = "visits"
kind = "track"
event = "Visited"
user_id = "member:{who}"
message_id = "visit:{who}"
time = { column = "at" }
fields = { shop = "shop" }
"""
MAILINGS = structs.replace(MAPPING, source=MAPPING.source[1:3])


class KilledError(Exception):
    """Stands for the end of the process between two transactions."""


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


def asked(query: str) -> tuple[Any, ...]:
    """Ask the files themselves; `{name}` is a file."""
    files = {path.stem: f"read_parquet('{path}')" for path in SAMPLE.glob("*.parquet")}
    return duckdb.execute(query.format(**files)).fetchall()[0]


def run(database: Database, secrets: Secrets, tenant: int = 1, mapping: Mapping = MAPPING) -> ImportReport:
    return import_files(database, secrets, tenant, mapping, SAMPLE, system_now=NOW)


def logged(database: Database, tenant: int = 1) -> list[events.LoggedEvent]:
    with database.transaction(tenant) as session:
        found: list[events.LoggedEvent] = []
        while batch := events.read_after(session, found[-1].seq if found else 0):
            found += batch
        return found


def test_the_sample_becomes_exactly_the_events_that_the_files_hold(database: Database, secrets: Secrets):
    households, baskets, lines, sales = asked(
        "SELECT count(DISTINCT household_id), count(DISTINCT basket_id), count(*),"
        " sum(round(sales_value * 100)::BIGINT) FROM {transactions}"
    )
    (sends,) = asked("SELECT count(*) FROM {campaigns}")
    (redemptions,) = asked("SELECT count(*) FROM {coupon_redemptions}")
    assert (households, baskets, lines, sales, sends, redemptions) == (300, 31_680, 318_305, 99_680_635, 1_377, 607)

    report = run(database, secrets)

    assert (report.events, report.repeats, report.quarantined) == (households + baskets + sends + redemptions, 0, {})
    assert report.events == rows_total(MAPPING, SAMPLE)
    assert report.unused["transactions"] == ["week"]
    log = logged(database)
    kinds = Counter(event.kind for event in log)
    assert kinds == {"identify": 300, "order": baskets, "campaign_sent": sends, "coupon_redeemed": redemptions}
    orders = [events.read_order(event.body) for event in log if event.kind == "order"]
    assert sum(len(order.products) for order in orders) == lines
    assert sum(order.total_minor for order in orders) == sales
    assert all(order.total_minor == sum(line.total_minor or 0 for line in order.products) for order in orders)
    in_order = [(event.at, events.read_order(event.body).order_id) for event in log if event.kind == "order"]
    assert in_order == sorted(in_order)
    assert [event.at for event in log] == sorted(event.at for event in log)
    check_lines(orders)
    check_people(database, secrets, log)


def check_lines(orders: list[events.Order]) -> None:
    """Compare discounts, categories, brands and stores with the files."""
    lines = [line for order in orders for line in order.products]
    retail, coupon, match, quantity = asked(
        "SELECT sum(round(retail_disc * 100)::BIGINT), sum(round(coupon_disc * 100)::BIGINT),"
        " sum(round(coupon_match_disc * 100)::BIGINT), sum(quantity) FROM {transactions}"
    )
    assert sum(line.retail_discount_minor or 0 for line in lines) == retail
    assert sum(line.coupon_discount_minor or 0 for line in lines) == coupon
    assert sum(line.coupon_match_discount_minor or 0 for line in lines) == match
    assert sum(line.quantity or 0 for line in lines) == quantity
    joined = "FROM {transactions} t LEFT JOIN {products} p USING (product_id)"
    coffee, nameless, own = asked(
        "SELECT count(*) FILTER (product_category = 'COFFEE'), count(*) FILTER (product_category IS NULL),"
        f" count(*) FILTER (brand = 'Private') {joined}"
    )
    assert Counter(line.category for line in lines)["COFFEE"] == coffee
    assert Counter(line.category for line in lines)[None] == nameless
    assert Counter(line.brand for line in lines)["Private"] == own
    (stores,) = asked("SELECT count(DISTINCT store_id) FROM {transactions}")
    assert len({order.store_id for order in orders}) == stores


def check_people(database: Database, secrets: Secrets, log: list[events.LoggedEvent]) -> None:
    """Demographics stand in clear, contact fields are sealed and say that they are made up."""
    people = [event for event in log if event.kind == "identify"]
    assert {event.at for event in people} == {datetime(2017, 1, 1, tzinfo=UTC)}
    ages = Counter(json.loads(event.body).get("age") for event in people)
    assert ages["45-54"] == asked("SELECT count(*) FROM {demographics} WHERE age = '45-54'")[0]
    with database.transaction(1) as session:
        rests = events.open_rests(session, secrets, people)
    sealed = [json.loads(rest or b"{}")["traits"] for rest in rests]
    assert all(traits["contact_made_up"] for traits in sealed)
    assert len({traits["email"] for traits in sealed}) == len({traits["phone"] for traits in sealed}) == len(people)
    assert all(b"example.com" not in event.body for event in log)


def test_a_killed_import_goes_on_where_it_was_and_ends_the_same(
    database: Database, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(import_file, "BATCH_EVENTS_MAX", 300)

    def on_progress(done: int, total: int) -> None:
        assert done < total
        if done >= 900:
            raise KilledError

    with pytest.raises(KilledError):
        import_files(database, secrets, 1, MAILINGS, SAMPLE, system_now=NOW, on_progress=on_progress)
    report = run(database, secrets, mapping=MAILINGS)
    assert (report.before, report.events, report.repeats) == (900, 1_377 + 607 - 900, 0)
    assert run(database, secrets, tenant=2, mapping=MAILINGS).events == 1_377 + 607
    one, other = ([(event.at, event.kind, event.body) for event in logged(database, tenant)] for tenant in (1, 2))
    assert one == other


def test_a_batch_is_noted_with_its_events_or_not_at_all(
    database: Database, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(events, "note_progress", fail)
        with pytest.raises(KilledError):
            run(database, secrets, mapping=MAILINGS)
    assert logged(database) == []
    assert run(database, secrets, mapping=MAILINGS).events == 1_377 + 607


def test_a_finished_import_is_skipped_at_once(database: Database, secrets: Secrets, monkeypatch: pytest.MonkeyPatch):
    assert run(database, secrets, mapping=MAILINGS).events == 1_377 + 607
    monkeypatch.setattr(import_file, "opened_tables", None)  # nothing is opened
    again = run(database, secrets, mapping=MAILINGS)
    assert (again.done_before, again.before, again.events) == (True, 1_377 + 607, 0)


def test_a_changed_mapping_imports_afresh_and_finds_only_repeats(database: Database, secrets: Secrets):
    run(database, secrets, mapping=MAILINGS)
    later = structs.replace(MAILINGS, end=datetime(2017, 6, 1, tzinfo=UTC))
    (beyond,) = asked(
        "SELECT (SELECT count(*) FROM {campaigns} JOIN {campaign_descriptions} USING (campaign_id)"
        " WHERE start_date > DATE '2017-06-01') + (SELECT count(*) FROM {coupon_redemptions}"
        " WHERE redemption_date > DATE '2017-06-01')"
    )
    assert beyond > 0
    assert run(database, secrets, mapping=later).repeats == 1_377 + 607
    assert run(database, secrets, tenant=2, mapping=later).quarantined == {"too-far-ahead": beyond}


def test_two_runs_of_one_import_do_not_get_mixed_up(
    database: Database, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(import_file, "BATCH_EVENTS_MAX", 500)

    def another_run(done: int, total: int) -> None:
        if done == 500 < total:
            assert run(database, secrets, mapping=MAILINGS).before == 500

    with pytest.raises(ImportMovedError):
        import_files(database, secrets, 1, MAILINGS, SAMPLE, system_now=NOW, on_progress=another_run)
    assert len(logged(database)) == 1_377 + 607


def test_a_changed_file_is_imported_afresh_and_its_changes_are_conflicts(
    database: Database, secrets: Secrets, tmp_path: Path
):
    visits = tmp_path / "visits.csv"
    visits.write_text("who,shop,at\n1,north,2017-03-01\n2,south,2017-03-02\n3,south,long ago\n")
    mapping = parse_mapping(VISITS)

    def go() -> tuple[int, int, dict[str, int]]:
        report = import_files(database, secrets, 1, mapping, visits, system_now=NOW)
        return report.events, report.repeats, dict(report.quarantined)

    assert go() == (2, 0, {"bad-time": 1})
    visits.write_text("who,shop,at\n1,north,2017-03-01\n2,west,2017-03-02\n3,south,2017-03-03\n4,east,2019-01-01\n")
    assert go() == (1, 1, {"conflict": 1, "too-far-ahead": 1})
    assert [json.loads(event.body) for event in logged(database)] == [{}, {}, {}]
    with database.transaction(1) as session:
        assert events.open_counts(session) == {"bad-time": 1, "conflict": 1, "too-far-ahead": 1}
        assert all("long ago" not in str(each) for each in events.quarantined(session))


def test_a_refused_row_is_refused_again_when_it_is_replayed(database: Database, secrets: Secrets, tmp_path: Path):
    visits = tmp_path / "visits.csv"
    visits.write_text("who,shop,at\n1,north,2017-03-01\n3,south,long ago\n")
    import_files(database, secrets, 1, parse_mapping(VISITS), visits, system_now=NOW)
    with database.transaction(1) as session:
        (refused,) = events.quarantined(session)
        assert events.requeue(session, secrets, [refused.id], NOW) == (0, 0, 1)
    assert len(logged(database)) == 1
