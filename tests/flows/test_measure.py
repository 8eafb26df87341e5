"""A campaign's figures per person: everybody in an arm, held against counting by hand and statistics in plain numpy."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from keyuan import events
from keyuan.consent import Purpose
from keyuan.engines.database import Database
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.experiments.model import UnknownExperimentError
from keyuan.experiments.reads import reading
from keyuan.experiments.store import expose
from keyuan.flows.lake import LakeWriter
from keyuan.flows.measure import METRICS, NobodyToMeasureError, keep_measured
from keyuan.insight.tables import EVENTS
from measured_shop import BEFORE, CAMPAIGN, DAY, EXPERIMENT, LATER, SINCE, TICK, UNTIL, WEEK, Measured, Orders, drawn
from shop import open_shop
from unit.experiments.samples import welch, without_covariate


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Measured:
    return Measured(open_shop(database, tmp_path / "keys"), DeltaLake(tmp_path / "lake"))


def figures(hers: list[tuple[datetime, int]], since: datetime, until: datetime) -> tuple[int, int, int]:
    inside = [(at, minor) for at, minor in hers if since <= at < until]
    return len(inside), sum(minor for _, minor in inside), len({(at - since) // WEEK for at, _ in inside})


def check(told: dict[str, Any], arms: Mapping[str, str], orders: Orders, until: datetime = UNTIL) -> None:
    """Compare what was told with counting by hand, and statistics by Welch's formulas."""
    assert told["n"] == {arm: list(arms.values()).count(arm) for arm in ("hold_out", "treated")}
    for place, metric in enumerate(METRICS):
        now = {name: figures(orders.get(name, []), SINCE, until)[place] for name in arms}
        past = {name: figures(orders.get(name, []), BEFORE, SINCE)[place] for name in arms}
        adjusted = without_covariate([*now.values()], [*past.values()])
        here = np.array([arm == "treated" for arm in arms.values()])
        difference, interval, p = welch(adjusted[~here], adjusted[here])
        found = told["metrics"][metric]
        assert found["difference"] == pytest.approx(difference, rel=1e-9, abs=1e-9)
        assert found["interval"] == pytest.approx(interval, rel=1e-9)
        assert found["p"] == pytest.approx(p, rel=1e-7)


def test_everybody_counts_as_counting_by_hand_gives(shop: Measured):
    names = [f"p{number}" for number in range(150)]
    shop.agree(names)
    orders = drawn(names, 7)
    shop.assign(names[:120])
    shop.buy(orders)
    told = shop.ask()
    check(told, shop.arms, orders)
    assert told["verdict_kind"] in {"no_effect_seen", "false_alarm"} or min(told["n"].values()) < 30
    assert (told["left_out"], told["exposed"]) == ({"hold_out": 0, "treated": 0},) * 2
    assert (told["as_of"], told["window"]) == ("2018-01-02T00:00:00Z", ["2017-10-01T00:00:00Z", "2018-01-01T00:00:00Z"])
    assert told["split"] == pytest.approx({"hold_out": 0.2, "treated": 0.8})
    halfway = SINCE + 40 * DAY
    soon = shop.ask(halfway)
    check(soon, shop.arms, orders, halfway)
    assert (soon["verdict_kind"], soon["n"]) == ("too_early", told["n"])


def test_who_orders_nothing_changes_numbers_and_means_only(shop: Measured):
    arms = {f"p{number}": "hold_out" if number % 3 == 0 else "treated" for number in range(100)}
    shop.agree([*arms, "idle"])
    orders = drawn([*arms], 3)
    shop.put(arms)
    shop.buy(orders)
    without = shop.ask()
    shop.put({"idle": "treated"})
    told = shop.ask()
    assert told["n"] == {"hold_out": without["n"]["hold_out"], "treated": without["n"]["treated"] + 1}
    check(told, arms | {"idle": "treated"}, orders)


def test_who_may_not_be_followed_through_the_window_is_left_out_and_counted(shop: Measured):
    arms = {f"p{number}": "hold_out" if number % 2 else "treated" for number in range(80)}
    late = {"p1": SINCE + TICK, "p2": SINCE}
    shop.agree(arms.keys() - {"p3", *late})
    for name, at in late.items():
        shop.shop.agree(name, Purpose.PERSONALISATION, at=at)
    orders = drawn([*arms], 5)
    shop.put(arms)
    shop.shop.agree("p4", Purpose.PERSONALISATION, at=SINCE + DAY, given=False)
    shop.shop.agree("p6", Purpose.PERSONALISATION, at=UNTIL + DAY, given=False)
    shop.shop.agree("p8", Purpose.PERSONALISATION, at=BEFORE + DAY, given=False)
    shop.shop.agree("p8", Purpose.PERSONALISATION, at=BEFORE + 2 * DAY)
    shop.buy(orders)
    told = shop.ask()
    assert told["left_out"] == {"hold_out": 2, "treated": 2}
    stay = {name: arm for name, arm in arms.items() if name not in {"p1", "p3", "p4", "p6"}}
    orders["p2"] = [order for order in orders["p2"] if order[0] >= SINCE]
    orders["p8"] = [order for order in orders["p8"] if order[0] >= BEFORE + 2 * DAY]
    check(told, stay, orders)


def test_who_was_forgotten_is_left_out_and_not_taken_for_somebody_without_orders(shop: Measured):
    arms = {f"p{number}": "hold_out" if number % 2 else "treated" for number in range(60)}
    shop.agree(arms)
    orders = drawn([*arms], 9)
    shop.put(arms)
    gone = next(name for name, arm in arms.items() if orders[name] and arm == "hold_out")
    said = shop.shop.order(gone, "2017-08-01T00:00:00Z") | {
        "event": "Said Something",
        "properties": {"words": "sealed"},
    }
    shop.shop.send(said)
    shop.buy(orders)
    sender = shop.shop.secrets.sender(1, "user", gone)
    with shop.shop.database.transaction(1) as session:
        assert events.forget(session, [sender], datetime.now(UTC)) == 1
    LakeWriter(shop.shop.database, shop.shop.secrets, shop.lake, 1).erase([sender])
    told = shop.ask()
    assert told["left_out"] == {"hold_out": 1, "treated": 0}
    check(told, {name: arm for name, arm in arms.items() if name != gone}, orders)


def test_tenants_measure_their_own(database: Database, tmp_path: Path):
    lake = DeltaLake(tmp_path / "lake")
    found: list[dict[str, Any]] = []
    for tenant in (1, 2):
        mine = Measured(open_shop(database, tmp_path / "keys", tenant), lake)
        arms = {f"p{number}": "hold_out" if number % 2 else "treated" for number in range(40 + tenant)}
        mine.agree(arms)
        mine.put(arms)
        orders = drawn([*arms], tenant)
        mine.buy(orders)
        found.append(mine.ask())
        check(found[-1], arms, orders)
    assert found[0]["n"] != found[1]["n"]


def test_money_in_another_currency_is_no_money_of_the_campaign(shop: Measured):
    arms = {f"p{number}": "hold_out" if number % 2 else "treated" for number in range(60)}
    shop.agree(arms)
    shop.put(arms)
    shop.buy({name: [(SINCE + DAY, 100)] for name in [*arms][::3]})
    told, other = shop.ask(), shop.ask(campaign=replace(CAMPAIGN, currency="CNY"))
    assert told["metrics"]["spend_minor"]["control"] > 0
    assert (other["metrics"]["spend_minor"]["control"], other["metrics"]["spend_minor"]["interval"]) == (0, None)
    assert other["metrics"]["orders"] == told["metrics"]["orders"]


def test_a_figure_from_before_that_tells_all_by_chance_is_left_out(shop: Measured):
    arms = {f"p{number}": "hold_out" if number % 5 == 0 else "treated" for number in range(160)}
    shop.agree(arms)
    shop.put(arms)
    shop.buy({"p1": [(SINCE, 500), (BEFORE, 500)]})
    told = shop.ask()
    found = told["metrics"]["orders"]
    assert (found["treated"], found["control"]) == (pytest.approx(1 / 128), pytest.approx(0))
    assert (found["variance_left"], found["covariate_p"]) == (1.0, None)
    assert told["verdict_kind"] == "no_effect_seen"


def test_a_reading_is_kept_and_names_nobody(shop: Measured):
    arms = {f"p{number}": "hold_out" if number % 5 == 0 else "treated" for number in range(50)}
    shop.agree(arms)
    shop.put(arms)
    shop.buy(drawn([*arms], 1))
    people: list[UUID] = [shop.shop.person(name) for name in arms]
    at = datetime(2026, 5, 1, tzinfo=UTC)
    with shop.shop.database.transaction(1) as session:
        expose(session, EXPERIMENT.name, people[1:4], SINCE)
        body = keep_measured(session, shop.lake, shop.shop.secrets, CAMPAIGN, LATER, at)
        kept = reading(session, CAMPAIGN.name)
    assert kept is not None
    assert (kept.body, kept.read_at, kept.as_of) == (body, at, LATER)
    assert json.loads(json.dumps(body)) == body
    assert body["exposed"] == {"hold_out": 0, "treated": 3}
    assert not [person for person in people if str(person) in json.dumps(body)]
    assert {path.name for path in (shop.lake.place(1, EVENTS)).parent.iterdir()} == {"events", "points"}


def test_what_was_not_launched_or_holds_nobody_is_not_measured(shop: Measured):
    with pytest.raises(UnknownExperimentError):
        shop.ask()
    shop.put({})
    shop.buy({})
    with pytest.raises(NobodyToMeasureError):
        shop.ask()
