"""The two ways to compute traits, fact by fact and by SQL over the log, agree for everybody at any instant."""

from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyuan.engines.analytics import Analytics
from keyuan.kernel.clock import DAY_US, from_us
from keyuan.profiles import state as states
from keyuan.profiles import traits
from keyuan.profiles.batch import batch_traits, gather
from keyuan.profiles.model import AnyFact, OrderFact
from keyuan.profiles.state import State, fold
from property.profiles_histories import AS_OF_US, HOUR_US, histories, instants

Crowd = list[list[AnyFact]]


def basket(seq: int, before_us: int, lines: list[tuple[str | None, int]], name: str | None = None) -> OrderFact:
    total_minor = sum(minor for _, minor in lines)
    at_us = AS_OF_US - before_us
    return OrderFact(at_us=at_us, seq=seq, total_minor=total_minor, lines=lines, discount_minor=1, order_id=name)


# One person who meets every edge at once: each planted bug below must go wrong on her.
TRICKY: Crowd = [
    [
        basket(1, 90 * DAY_US, [("A", 40), ("B", 30), ("C", 10), (None, 90)], "o1"),
        basket(2, 29 * DAY_US + HOUR_US, [("D", 9)]),
        basket(3, HOUR_US, [("C", 50), ("D", 30)]),
        basket(4, 1, [("E", 5)], "o1"),
    ]
]
crowds = st.lists(histories(same_orders=True), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def analytics() -> Iterator[Analytics]:
    with Analytics(memory_max_mb=256) as analytics:
        yield analytics


def agree(analytics: Analytics, crowd: Crowd, as_of_us: int) -> None:
    """Facts of one event log: places are made unique over the crowd before they are given to both ways."""
    log = [
        (UUID(int=person), type(fact)(**_parts(fact) | {"seq": fact.seq * len(crowd) + person}))
        for person, history in enumerate(crowd)
        for fact in history
    ]
    observed: dict[UUID, list[AnyFact]] = {}
    for person, fact in log:
        if fact.at_us < as_of_us:
            observed.setdefault(person, []).append(fact)
    folded = {person: traits.evaluate(fold(State(), facts), as_of_us) for person, facts in observed.items()}
    assert batch_traits(analytics, gather(log), from_us(as_of_us)) == folded


def _parts(fact: AnyFact) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in fact.__struct_fields__}


@settings(deadline=None, max_examples=60)
@given(crowds, instants)
@example(TRICKY, AS_OF_US)
def test_fold_and_batch_agree_at_any_instant(analytics: Analytics, crowd: Crowd, as_of_us: int):
    agree(analytics, crowd, AS_OF_US)
    agree(analytics, crowd, as_of_us)


def _rises_by_one(spent: dict[str, int], top: list[str], name: str) -> None:
    """A category is compared with the next better one only."""
    place = top.index(name) if name in top else len(top)
    top[place : place + 1] = [name]
    top[max(place - 1, 0) : place + 1] = sorted(top[max(place - 1, 0) : place + 1], key=lambda name: -spent[name])
    del top[3:]


def _rounded_down(part: int, whole: int) -> Decimal | None:
    return Decimal(part * 10_000 // whole).scaleb(-4) if whole else None


def _always_new(_keys: list[int], _key: int) -> bool:
    return True


@pytest.mark.parametrize(
    ("place", "name", "bug"),
    [
        (traits, "bisect_left", bisect_right),
        (states, "_rise", _rises_by_one),
        (states, "_is_new", _always_new),
        (traits, "share", _rounded_down),
        (states, "_HOUR_US", HOUR_US + 1_000),
    ],
)
def test_a_planted_bug_is_found(
    analytics: Analytics, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, bug: object
):
    agree(analytics, TRICKY, AS_OF_US)
    monkeypatch.setattr(place, name, bug)
    with pytest.raises(AssertionError):
        agree(analytics, TRICKY, AS_OF_US)
