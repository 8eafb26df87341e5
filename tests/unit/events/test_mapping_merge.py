"""Sources are merged by time; ties stand in the order of the mapping file."""

from hypothesis import given
from hypothesis import strategies as st

from keyuan.events.mapping import Made, merged
from keyuan.events.mapping.merge import NO_TIME_US


def source(rank: int, times: list[int]) -> list[Made]:
    return [Made(time, rank, number, b"", None) for number, time in enumerate(sorted(times))]


def test_customers_stand_before_their_orders_of_the_same_instant():
    found = merged([source(0, [5, 5]), source(1, [1, 5])])
    assert [(made.time_us, made.rank, made.number) for made in found] == [(1, 1, 0), (5, 0, 0), (5, 0, 1), (5, 1, 1)]


def test_what_has_no_time_comes_first():
    found = list(merged([source(0, [-(10**15)]), source(1, [NO_TIME_US])]))
    assert [made.rank for made in found] == [1, 0]


@given(st.lists(st.lists(st.integers(-5, 5), max_size=20), max_size=4))
def test_nothing_is_lost_and_all_is_in_order(sources: list[list[int]]):
    made = [source(rank, times) for rank, times in enumerate(sources)]
    assert list(merged(made)) == sorted(each for one in made for each in one)
