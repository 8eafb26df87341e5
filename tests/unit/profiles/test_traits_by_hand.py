"""Traits of small histories, reckoned by hand from the definitions."""

from typing import Any

import pytest

from keyuan.kernel.clock import DAY_US
from keyuan.kernel.errors import CorruptionError
from keyuan.profiles.catalogue import NAMES
from keyuan.profiles.model import (
    LARGEST,
    AmountError,
    AnyFact,
    CouponFact,
    DeclaredFact,
    OrderFact,
    PastInstantError,
    SendFact,
)
from keyuan.profiles.state import State, decode, encode, fold
from keyuan.profiles.traits import Value, evaluate, live_instant, next_edge_us, share

NOON_US = 1_483_272_000_000_000  # Sunday 2017-01-01T12:00:00Z
HOUR_US = DAY_US // 24


def traits(facts: list[AnyFact], as_of_us: int) -> dict[str, Value]:
    return dict(zip(NAMES, evaluate(fold(State(), facts), as_of_us), strict=True))


def order(seq: int, after_us: int, minor: int = 100, **more: Any) -> OrderFact:
    fields: dict[str, Any] = {"lines": [("TEA", minor)], **more}
    return OrderFact(at_us=NOON_US + after_us, seq=seq, total_minor=minor, **fields)


def test_nobody_has_ordered_nothing():
    nothing = traits([], NOON_US)
    assert {name for name, value in nothing.items() if value == 0} == {
        "orders",
        "orders_90d",
        "orders_30d",
        "spend_minor",
        "spend_90d_minor",
        "coupon_redemptions",
        "campaigns_received",
    }
    assert nothing["top_categories"] == ()
    assert nothing["recency_days"] is None
    assert next_edge_us(State(), NOON_US) is None


def test_recency_counts_whole_days():
    facts: list[AnyFact] = [order(1, 0), order(2, DAY_US)]
    for after_us, recency, first in ((DAY_US + 1, 0, 1), (2 * DAY_US - 1, 0, 1), (2 * DAY_US, 1, 2)):
        found = traits(facts, NOON_US + after_us)
        assert (found["recency_days"], found["first_order_days"]) == (recency, first)


def test_a_window_has_its_start_and_not_its_end():
    facts: list[AnyFact] = [order(1, 0, 5), order(2, 60 * DAY_US, 7)]
    at_90 = traits(facts, NOON_US + 90 * DAY_US)
    assert (at_90["orders_90d"], at_90["orders_30d"], at_90["spend_90d_minor"]) == (2, 1, 12)
    later = traits(facts, NOON_US + 90 * DAY_US + 1)
    assert (later["orders_90d"], later["orders_30d"], later["spend_90d_minor"]) == (1, 0, 7)
    assert (later["orders"], later["spend_minor"]) == (2, 12)


def test_means_and_shares_are_rounded_as_they_are_defined():
    facts: list[AnyFact] = [
        order(1, 0, 100, discount_minor=50),
        order(2, 0, 101, lines=[("TEA", 100), (None, 1)]),
        order(3, 0, 0, lines=[]),
    ]
    found = traits(facts, NOON_US + 1)
    assert found["mean_basket_minor"] == 67
    assert str(found["mean_basket_lines"]) == "1.0000"
    assert str(found["discount_share"]) == "0.1992"
    assert [str(share(part, 30_000)) for part in (1, 2, 4, 5)] == ["0.0000", "0.0001", "0.0001", "0.0002"]
    assert str(share(1, 20_000)) == "0.0001"
    assert share(0, 0) is None


def test_ties_go_by_name_and_the_null_category_is_left_out():
    lines = [("b", 5), ("a", 5), ("茶", 5), (None, 99), ("Z", 5), ("free", 0)]
    found = traits([order(1, 0, 119, lines=lines)], NOON_US + 1)
    assert found["top_categories"] == ("Z", "a", "b")


def test_favourites_are_the_most_frequent_and_of_ties_the_smallest():
    facts: list[AnyFact] = [
        order(1, 0, store="B"),  # Sunday 12 h
        order(2, DAY_US - 2 * HOUR_US, store="A"),  # Monday 10 h
        order(3, 7 * DAY_US + 3 * HOUR_US),  # Sunday 15 h
    ]
    found = traits(facts, NOON_US + 30 * DAY_US)
    assert (found["favourite_weekday"], found["favourite_hour"], found["favourite_store"]) == (7, 10, "A")


def test_an_order_sent_twice_counts_once_however_late():
    facts: list[AnyFact] = [order(1, 0, order_id="1"), order(2, 900 * DAY_US, order_id="2"), order(3, 0, order_id="1")]
    state = fold(State(), facts)
    assert (state.orders, state.facts, state.from_seq) == (2, 3, 3)
    assert state.kept_at_us == [NOON_US + 900 * DAY_US]


def test_what_was_said_last_holds_and_may_be_taken_back():
    said = [
        DeclaredFact(at_us=NOON_US + 5, seq=1, traits={"age": "45-54", "income": "35-49K", "shoe_size": "44"}),
        DeclaredFact(at_us=NOON_US + 5, seq=2, traits={"income": None}),
        DeclaredFact(at_us=NOON_US + 4, seq=3, traits={"age": "35-44", "kids_count": "1"}),
    ]
    found = traits([*said, CouponFact(at_us=NOON_US, seq=4), SendFact(at_us=NOON_US, seq=5)], NOON_US + 6)
    assert (found["age"], found["income"], found["kids_count"]) == ("45-54", None, "1")
    assert (found["coupon_redemptions"], found["campaigns_received"]) == (1, 1)


def test_the_live_instant_lets_the_fact_itself_count():
    state = fold(State(), [order(1, 10)])
    assert live_instant(state, NOON_US + 10) == NOON_US + 11
    assert live_instant(state, NOON_US) == NOON_US + 11
    assert live_instant(state, NOON_US + 20, NOON_US + 15) == NOON_US + 21
    assert live_instant(state, NOON_US + 20, NOON_US + 25) == NOON_US + 25
    with pytest.raises(PastInstantError):
        evaluate(state, NOON_US + 10)


@pytest.mark.parametrize(
    "bad",
    [
        order(2, 0, -1, lines=[]),
        order(2, 0, 1, lines=[("TEA", -1)]),
        order(2, 0, 1, discount_minor=-1),
        order(2, 0, LARGEST, lines=[]),
        order(2, 0, 1, lines=[("TEA", LARGEST)]),
        order(2, 0, 1, lines=[(None, LARGEST), (None, 1)]),
    ],
)
def test_negative_and_overflowing_amounts_are_refused(bad: OrderFact):
    before = fold(State(), [order(1, 0)])
    with pytest.raises(AmountError):
        fold(before, [bad])
    assert before == fold(State(), [order(1, 0)])


def test_states_come_back_as_they_were():
    facts: list[AnyFact] = [order(1, 0, 333, store="367"), DeclaredFact(at_us=NOON_US, seq=2, traits={"age": "a"})]
    state = fold(State(), facts)
    assert decode(encode(state)) == state
    assert evaluate(decode(encode(state)), NOON_US + 1) == evaluate(state, NOON_US + 1)


def test_stored_bytes_of_another_version_are_not_read():
    newer = encode(State(version=2))
    for body in (newer, b"", b"\x00", b"[1]"):
        with pytest.raises(CorruptionError):
            decode(body)
