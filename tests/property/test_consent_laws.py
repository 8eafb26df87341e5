"""The laws of consent: only what was agreed to, when it was agreed to, and not after it was taken back."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from keyuan.consent import Purpose, allows
from keyuan.flows.crowd import Person

timelines = st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=8).map(
    lambda entries: sorted(entries, key=lambda entry: entry[0])
)
instants = st.integers(0, 25)


def naive(timeline: list[tuple[int, bool]], event_at: int, now: int) -> bool:
    known = [entry for entry in timeline if entry[0] <= now]
    before = [given for at, given in known if at <= event_at]
    after = [given for at, given in known if at > event_at]
    return bool(before) and before[-1] and False not in after


@given(timelines, instants, instants)
def test_the_decision_is_the_one_that_the_law_says(timeline: list[tuple[int, bool]], event_at: int, now: int):
    assert allows(timeline, event_at, now) == naive(timeline, event_at, now)


@given(timelines, instants, st.integers(0, 10))
def test_what_a_consumer_keeps_of_a_person_says_the_same(timeline: list[tuple[int, bool]], event_at: int, later: int):
    person = Person(UUID(int=1), {Purpose.LOYALTY: timeline} if timeline else {})
    assert person.allows(Purpose.LOYALTY, event_at, event_at + later) == naive(timeline, event_at, event_at + later)
    assert not person.allows(Purpose.PERSONALISATION, event_at, event_at + later)


@given(timelines, instants, instants, st.integers(0, 20))
def test_a_withdrawal_never_allows_more(timeline: list[tuple[int, bool]], event_at: int, now: int, withdrawn_at: int):
    more = sorted([*timeline, (withdrawn_at, False)], key=lambda entry: entry[0])
    assert allows(timeline, event_at, now) or not allows(more, event_at, now)


@given(timelines, instants, st.integers(0, 25), st.integers(0, 25))
def test_time_alone_brings_back_no_consent(timeline: list[tuple[int, bool]], event_at: int, first: int, second: int):
    """Once an event may not be used any more, waiting does not make it usable, unless it had never been decided."""
    early, late = sorted((max(first, event_at), max(second, event_at)))
    assert allows(timeline, event_at, early) or not allows(timeline, event_at, late)


def test_a_record_is_effective_from_its_instant_on():
    assert allows([(10, True)], 10, 10)
    assert not allows([(10, True)], 9, 30)
    assert not allows([(10, True), (20, False)], 15, 20)
    assert allows([(10, True), (20, False)], 15, 19)


def test_who_never_decided_agreed_to_nothing():
    assert not allows([], 10, 10)
