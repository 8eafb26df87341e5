"""A year of real households through the real flow: every metric against the files themselves."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from keyuan import events, ledger, loyalty, segments
from keyuan.app.demo import story
from keyuan.consent import Decision, Record
from keyuan.engines.database import Database
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.flows.consume import Consumer
from keyuan.flows.figures import figures
from keyuan.flows.import_file import import_files, shipped_mapping
from keyuan.flows.insight import Overview, insight_figures, overview
from keyuan.flows.lake import LakeWriter
from keyuan.flows.places import POINTS
from keyuan.flows.record_consent import record_consent
from keyuan.insight.metrics import METRICS
from keyuan.kernel.clock import to_us
from keyuan.profiles import store as portraits

SAMPLE = Path(__file__).parents[1] / "data" / "completejourney_sample"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BASKETS = (
    "SELECT basket_id, any_value(household_id) AS who, any_value(transaction_timestamp) AS ts,"
    " sum(round(sales_value * 100)::BIGINT) AS minor FROM {} GROUP BY 1"
)


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    return DeltaLake(tmp_path / "lake")


def orders(where: str = "true") -> str:
    """The baskets of the files as a table: who, ts, minor; `true` for everybody, LINKED for those who agreed."""
    return f"(SELECT * FROM ({BASKETS.format(file('transactions'))}) WHERE {where})"


LINKED = "who % 10 <> 0"


def file(name: str) -> str:
    return f"read_parquet('{SAMPLE / name}.parquet')"


def asked(query: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(query).fetchall()


def prepare(database: Database, secrets: Secrets) -> None:
    """Programme, segments, and what each household agreed to."""
    numbers = [row[0] for row in asked(f"SELECT DISTINCT household_id FROM {file('transactions')} ORDER BY 1")]
    names = {number: secrets.sender(1, "user", f"household:{number}") for number in numbers}
    with database.transaction(1) as session:
        events.keep_clock_by_hand(session, story.BEGIN)
        loyalty.create_programme(session, story.PROGRAMME)
        segments.save(session, story.SEGMENTS)
        people = portraits.resolve(session, names.values())
        record_consent(
            session,
            [
                Record(
                    person=people[names[number]],
                    purpose=purpose,
                    decision=Decision.GIVEN,
                    effective_at_us=to_us(story.CONSENT_FROM),
                    evidence="test form 1",
                )
                for number in numbers
                for purpose in story.agreed(number)
            ],
        )


def test_a_year_of_real_households(database: Database, secrets: Secrets, lake: DeltaLake):
    prepare(database, secrets)
    import_files(database, secrets, 1, shipped_mapping("complete_journey"), SAMPLE, system_now=NOW)
    consumer = Consumer(database, secrets, 1, POINTS)
    while consumer.step():
        pass
    assert LakeWriter(database, secrets, lake, 1).catch_up() > 31_680
    with database.transaction(1, snapshot=True) as session:
        found = overview(session, lake, story.AS_OF)
        told = insight_figures(found)
        known = figures(session, story.AS_OF)
        totals = ledger.totals(session, story.AS_OF)
    assert json.loads(json.dumps(told)) == told
    assert {metric.name for metric in METRICS} == told.keys() - {"week", "customers"}
    check_weeks(found)
    check_months(found)
    check_funnel(found)
    assert sum(week.revenue_minor for week in found.weekly_revenue) == sales_before("2018-01-01")
    assert told["revenue_minor"] == {"USD": known["sales_minor"]} == {"USD": sales_before("2018-01-02")}
    assert (told["orders"], told["customers"]) == (known["orders"], distinct(LINKED))
    assert told["unlinked_orders"] == asked(f"SELECT count(*) FROM {orders('who % 10 = 0')}")[0][0] > 0
    assert found.points[-1].owed == totals.points_owed == told["points_owed"] > 0
    assert sum(day.issued for day in found.points) == known["points_issued"]
    assert told["segment_people"] == known["segments"]
    last = distinct(f"{LINKED} AND ts >= '2017-12-25' AND ts < '2018-01-01'")
    assert (told["week"], told["active_customers"]) == ("2017-12-25", last)


def sales_before(day: str) -> int:
    return asked(f"SELECT sum(minor)::BIGINT FROM {orders()} WHERE ts < '{day}'")[0][0]


def distinct(where: str) -> int:
    return asked(f"SELECT count(DISTINCT who) FROM {orders(where)}")[0][0]


def check_weeks(found: Overview) -> None:
    weeks = asked(
        f"SELECT date_trunc('week', ts)::DATE AS week, count(DISTINCT who) FROM {orders(LINKED)}"
        " WHERE ts < '2018-01-01' GROUP BY 1 ORDER BY 1"
    )
    assert [(week.week, week.active) for week in found.growth] == weeks
    assert len(weeks) == 53
    new = asked(
        "SELECT week, count(*) FROM"
        f" (SELECT date_trunc('week', min(ts))::DATE AS week FROM {orders(LINKED)} GROUP BY who)"
        " GROUP BY 1 ORDER BY 1"
    )
    assert [(week.week, week.new) for week in found.growth if week.new] == new
    before = 0
    for week in found.growth:
        assert week.active == week.new + week.retained + week.resurrected
        assert week.active - before == week.new + week.resurrected - week.churned
        before = week.active


def check_months(found: Overview) -> None:
    months = asked(
        f"WITH o AS (SELECT who, date_trunc('month', ts)::DATE AS month FROM {orders(LINKED)} WHERE ts < '2018-01-01'),"
        " f AS (SELECT who, min(month) AS first FROM o GROUP BY 1)"
        " SELECT first, date_diff('month', first, month), count(DISTINCT who) FROM o JOIN f USING (who) GROUP BY 1, 2"
        " ORDER BY 1, 2"
    )
    assert [row[:3] for row in found.retention if row.customers] == months
    assert {row.first_month for row in found.retention} <= {date(2017, month, 1) for month in range(1, 13)}
    twice = asked(f"SELECT count(*) FROM (SELECT who FROM {orders(LINKED)} GROUP BY 1 HAVING count(*) > 1)")[0][0]
    assert found.repeat.repeating == twice


def check_funnel(found: Overview) -> None:
    mailed = f"(SELECT household_id AS who, start_date::TIMESTAMP AS ts FROM {file('campaigns')}"
    mailed += f" JOIN {file('campaign_descriptions')} USING (campaign_id) WHERE start_date >= '2017-01-01')"
    coupons = f"(SELECT household_id AS who, redemption_date::TIMESTAMP AS ts FROM {file('coupon_redemptions')})"
    within = "<= m.ts + INTERVAL 30 DAY"
    (counts,) = asked(
        f"SELECT (SELECT count(DISTINCT who) FROM {mailed} WHERE {LINKED}),"
        f" (SELECT count(DISTINCT who) FROM {mailed} m JOIN {orders(LINKED)} o USING (who)"
        f"   WHERE o.ts > m.ts AND o.ts {within}),"
        f" (SELECT count(DISTINCT who) FROM {mailed} m JOIN {orders(LINKED)} o USING (who) JOIN {coupons} c USING (who)"
        f"   WHERE o.ts > m.ts AND c.ts > o.ts AND c.ts {within})"
    )
    assert tuple(step.customers for step in found.funnel) == counts
    assert counts[0] > counts[1] > counts[2] > 0
