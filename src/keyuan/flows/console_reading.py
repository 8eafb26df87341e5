"""A reading of an experiment as pages show it: its figures by metric, and what they are worth in money. Pure.

The reward of an A/A test is modelled, as if every coupon had been used; in a real campaign it is what was spent.
Deliberately not here: any statistics (`experiments`), which kept the reading; words and pictures (`web`).
Units: `_minor` in the campaign's currency, floats where they are means per person; shares 0–1; instants are aware UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

MARGIN_SHARE: Final = 0.3
"""What is left of a sale before rewards; an assumption, and pages say so."""
ASKED_SHARE: Final = 0.05
_Z_INTERVAL, _Z_POWER = 1.959964, 0.841621  # 95 % interval, 80 % power


@dataclass(frozen=True, slots=True)
class Range:
    """A value with its 95 % interval."""

    low: float
    value: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Tell whether zero is inside."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric: its mean per person in both arms, adjusted, and the difference; None where nothing can be said."""

    name: str
    treated: float
    control: float
    difference: float
    range: Range | None
    p: float | None
    variance_left: float
    known: tuple[int, int]

    @property
    def relative(self) -> Range | None:
        """Return the difference as a share of the control's mean; None if that mean is nothing to divide by."""
        if self.range is None or self.control <= 0:
            return None
        return Range(*(each / self.control for each in (self.range.low, self.range.value, self.range.high)))


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at an experiment found; `left_out` are people of the arms who may no longer be counted."""

    read_at: datetime
    as_of: datetime
    kind: str
    why: str
    sentence: Mapping[str, str]
    primary: str
    figures: Sequence[Figure]
    people: Mapping[str, int]
    split: Mapping[str, float]
    srm_p: float
    exposed: Mapping[str, int]
    left_out: int

    @property
    def split_holds(self) -> bool:
        """Tell whether the arms have the sizes that they were to have."""
        return self.why != "sample_ratio"

    @property
    def is_withheld(self) -> bool:
        """Tell whether the figures may not be shown, because a check failed."""
        return self.kind == "no_verdict"

    def figure(self, name: str) -> Figure | None:
        """Return one metric."""
        return next((each for each in self.figures if each.name == name), None)

    @property
    def headline(self) -> Figure | None:
        """Return the metric that the verdict is on."""
        return self.figure(self.primary)

    @property
    def everybody(self) -> int:
        """Return how many people are in the arms."""
        return sum(self.people.values())


def reading_of(read_at: datetime, as_of: datetime, body: Mapping[str, Any]) -> Reading:
    """Return a kept reading as pages show it."""
    return Reading(
        read_at=read_at,
        as_of=as_of,
        kind=body["verdict_kind"],
        why=body["verdict_why"],
        sentence={"en": body["verdict"], "zh": body["verdict_zh"]},
        primary=body["verdict_metric"],
        figures=figures_of(body["metrics"]),
        people=body["n"],
        split=body["split"],
        srm_p=body["srm_p"],
        exposed=body["exposed"],
        left_out=sum(body["left_out"].values()),
    )


def figures_of(metrics: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Return the figures of a kept reading, in its order."""
    return [
        Figure(
            name=name,
            treated=seen["treated"],
            control=seen["control"],
            difference=seen["difference"],
            range=_range(seen),
            p=seen["p"],
            variance_left=seen["variance_left"],
            known=(seen["known"][0], seen["known"][1]),
        )
        for name, seen in metrics.items()
    ]


def _range(seen: Mapping[str, Any]) -> Range | None:
    return None if seen["interval"] is None else Range(seen["interval"][0], seen["difference"], seen["interval"][1])


def people_wanted(reading: Reading, share: float = ASKED_SHARE) -> int | None:
    """Return how many people a test like this needs to see a difference of a share of the control's mean.

    With 80 % power at 5 %: the smallest visible effect falls with the root of the number of people.
    """
    headline = reading.headline
    if headline is None or headline.range is None or headline.control <= 0:
        return None
    error = (headline.range.high - headline.range.low) / 2 / _Z_INTERVAL
    visible = error * (_Z_INTERVAL + _Z_POWER)
    return round(reading.everybody * (visible / (share * headline.control)) ** 2)


@dataclass(frozen=True, slots=True)
class Worth:
    """What a campaign brought and cost per person who was treated, and what one more order cost.

    `order_minor` is None when no more orders came at any price; its second value is None when there is no upper limit.
    """

    is_modelled: bool
    reward_minor: float
    margin_share: float
    net_minor: Range | None
    order_minor: tuple[float, float | None] | None


def worth(reading: Reading, reward_minor: float, *, is_modelled: bool) -> Worth:
    """Return what the figures of a reading are worth, when a treated person got rewards of so much."""
    spend = reading.figure("spend_minor")
    net = None
    if spend is not None and spend.range is not None:
        net = Range(
            *(each * MARGIN_SHARE - reward_minor for each in (spend.range.low, spend.difference, spend.range.high))
        )
    return Worth(is_modelled, reward_minor, MARGIN_SHARE, net, _per_order(reading.figure("orders"), reward_minor))


def _per_order(orders: Figure | None, reward_minor: float) -> tuple[float, float | None] | None:
    if orders is None or orders.range is None or orders.range.high <= 0:
        return None
    least = reward_minor / orders.range.high
    return least, (reward_minor / orders.range.low if orders.range.low > 0 else None)
