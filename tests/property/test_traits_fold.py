"""Laws of the fold: the order of arrival does not matter, and time changes traits at the edges only."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyuan.kernel.clock import DAY_US
from keyuan.profiles.model import AnyFact, PastInstantError
from keyuan.profiles.state import State, decode, encode, fold
from keyuan.profiles.traits import evaluate, live_instant, next_edge_us
from property.profiles_histories import AS_OF_US, histories


@settings(deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_facts_in_any_order_give_the_same_state(history: list[AnyFact], shuffler: random.Random):
    shuffled = history.copy()
    shuffler.shuffle(shuffled)
    assert fold(State(), shuffled) == fold(State(), history)


@settings(deadline=None)
@given(histories(same_orders=True), st.integers(0, 14))
def test_a_state_may_be_stored_between_two_facts(history: list[AnyFact], cut: int):
    first = fold(State(), history[:cut])
    kept = encode(first)
    whole = fold(State(), history)
    assert fold(decode(kept), history[cut:]) == whole
    assert fold(first, history[cut:]) == whole
    assert encode(first) == kept


@settings(deadline=None)
@given(histories(same_orders=True), st.integers(1, 100 * DAY_US))
def test_time_alone_changes_traits_at_the_next_edge_and_not_before(history: list[AnyFact], later_us: int):
    state = fold(State(), history)
    as_of_us = live_instant(state, AS_OF_US) + later_us
    values = evaluate(state, as_of_us)
    edge_us = next_edge_us(state, as_of_us)
    if edge_us is None:
        assert state.orders == 0
        assert evaluate(state, as_of_us + 1000 * DAY_US) == values
    else:
        assert as_of_us < edge_us <= as_of_us + DAY_US
        assert evaluate(state, edge_us - 1) == values
        assert evaluate(state, edge_us) != values


@settings(deadline=None)
@given(histories(size=5))
def test_a_state_does_not_pretend_to_know_its_past(history: list[AnyFact]):
    state = fold(State(), history)
    for fact in history:
        with pytest.raises(PastInstantError):
            evaluate(state, fact.at_us)
        evaluate(state, live_instant(state, fact.at_us))
