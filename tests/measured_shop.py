"""A little shop whose customers are in a campaign's arms, with orders around the edges of its windows."""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from keyuan.campaigns import Campaign, Span
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.lake.embedded import DeltaLake
from keyuan.experiments import assign, hold_out
from keyuan.experiments.model import Arm, Experiment
from keyuan.experiments.store import begin, keep_arms
from keyuan.flows.lake import LakeWriter
from keyuan.flows.measure import measure
from keyuan.flows.record_consent import record_consent
from keyuan.kernel.clock import to_us
from keyuan.profiles import store as portraits
from shop import OPENED, Shop

SINCE, UNTIL = datetime(2017, 10, 1, tzinfo=UTC), datetime(2018, 1, 1, tzinfo=UTC)
BEFORE = datetime(2017, 7, 1, tzinfo=UTC)
LATER = datetime(2018, 1, 2, tzinfo=UTC)
TICK, DAY, WEEK = timedelta(microseconds=1), timedelta(days=1), timedelta(days=7)
CAMPAIGN = Campaign(
    name="milk_double",
    title_en="Double points on milk",
    title_zh="牛奶双倍积分",
    segment="milk_households",
    offer="milk_coupon",
    holdout=0.2,
    salt="a-salt",
    window=Span(SINCE, UNTIL),
    before=Span(BEFORE, SINCE),
    budget_minor=1_000_000,
    currency="USD",
    brand="keyuan-market",
    nobody_treated=True,
)
EXPERIMENT = Experiment(
    name=CAMPAIGN.name,
    salt=CAMPAIGN.salt,
    control="hold_out",
    arms=(Arm("hold_out", 0.0, 0.2), Arm("treated", 0.2, 1.0)),
)

Orders = Mapping[str, list[tuple[datetime, int]]]


class Measured:
    """A shop with an experiment whose arms are decided by hash."""

    def __init__(self, shop: Shop, lake: DeltaLake) -> None:
        self.shop, self.lake = shop, lake
        self.arms: dict[str, str] = {}

    def assign(self, names: list[str]) -> None:
        arms = assign(names, CAMPAIGN.salt, hold_out(0.2))
        self.put({name: EXPERIMENT.arms[arm].name for name, arm in zip(names, arms, strict=True)})

    def put(self, arms: dict[str, str]) -> None:
        people = self.people(arms)
        with self.shop.database.transaction(self.shop.tenant) as session:
            begin(session, EXPERIMENT, SINCE)
            keep_arms(session, EXPERIMENT.name, {people[name]: arm for name, arm in arms.items()})
        self.arms |= arms

    def agree(self, names: Iterable[str]) -> None:
        """Have people agree to be followed, long ago."""
        records = [
            Record(
                person=person,
                purpose=Purpose.PERSONALISATION,
                decision=Decision.GIVEN,
                effective_at_us=to_us(OPENED),
                evidence="test form 1",
            )
            for person in self.people(names).values()
        ]
        with self.shop.database.transaction(self.shop.tenant) as session:
            record_consent(session, records)

    def people(self, names: Iterable[str]) -> dict[str, UUID]:
        """Return the people behind names."""
        senders = {name: self.shop.secrets.sender(self.shop.tenant, "user", name) for name in names}
        with self.shop.database.transaction(self.shop.tenant) as session:
            known = portraits.resolve(session, senders.values())
        return {name: known[sender] for name, sender in senders.items()}

    def buy(self, orders: Orders) -> None:
        told = [
            self.shop.order(name, at.isoformat(), f"{minor / 100:.2f}")
            for name, hers in orders.items()
            for at, minor in hers
        ]
        if told:
            self.shop.send(*told)
        LakeWriter(self.shop.database, self.shop.secrets, self.lake, self.shop.tenant).catch_up()

    def ask(self, as_of: datetime = LATER, campaign: Campaign = CAMPAIGN) -> dict[str, Any]:
        with self.shop.database.transaction(self.shop.tenant) as session:
            return measure(session, self.lake, self.shop.secrets, campaign, as_of)


def drawn(names: list[str], seed: int) -> dict[str, list[tuple[datetime, int]]]:
    """Return orders of some people over the two windows and around their edges; others order nothing."""
    rng = random.Random(seed)
    edges = [BEFORE, BEFORE - TICK, SINCE, SINCE - TICK, UNTIL, UNTIL - TICK, SINCE + WEEK, SINCE + WEEK - TICK]
    orders: dict[str, list[tuple[datetime, int]]] = {}
    for name in names:
        instants = [BEFORE - DAY + rng.random() * (UNTIL - BEFORE + 2 * DAY) for _ in range(rng.choice([0, 1, 4, 20]))]
        instants += rng.sample(edges, rng.choice([0, 0, 3]))
        orders[name] = [(at, rng.randint(1, 9_999)) for at in instants]
    return orders
