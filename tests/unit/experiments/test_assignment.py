"""Assignment: the same for everybody who computes it, in shares, and without moving anybody."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyuan.experiments.assignment import NO_ARM, assign, bucket, bucket_ranges, choose_variation, hold_out
from keyuan.kernel.errors import InputError

HOUSEHOLDS = [f"household:{number}" for number in range(1, 20_001)]


def test_a_hold_out_of_a_fifth_takes_about_a_fifth():
    arms = assign(HOUSEHOLDS, "keyuan-demo-2017-10", hold_out(0.2))
    assert set(arms) == {0, 1}
    held = arms.count(0)
    assert abs(held - 4_000) < 4 * math.sqrt(20_000 * 0.2 * 0.8)


def test_two_salts_split_independently_of_each_other():
    first = assign(HOUSEHOLDS, "one", hold_out(0.5))
    second = assign(HOUSEHOLDS, "two", hold_out(0.5))
    both = sum(1 for pair in zip(first, second, strict=True) if pair == (0, 0))
    assert abs(both - 5_000) < 4 * math.sqrt(20_000 * 0.25 * 0.75)


def test_more_coverage_moves_nobody_who_was_in_an_arm():
    before = assign(HOUSEHOLDS, "grows", bucket_ranges(2, 0.3))
    after = assign(HOUSEHOLDS, "grows", bucket_ranges(2, 0.6))
    assert before.count(NO_ARM) > after.count(NO_ARM) > 0
    assert all(was == now for was, now in zip(before, after, strict=True) if was != NO_ARM)


def test_the_edge_of_the_hold_out_belongs_to_the_treated():
    assert choose_variation(0.1999, hold_out(0.2)) == 0
    assert choose_variation(0.2, hold_out(0.2)) == 1


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5, math.nan])
def test_a_hold_out_that_leaves_one_side_empty_is_refused(share: float):
    with pytest.raises(InputError, match="share =="):
        hold_out(share)


@given(st.text(), st.text())
def test_a_batch_is_what_each_name_is_alone_in_any_script(salt: str, name: str):
    place = bucket(salt, name)
    assert place is not None
    assert 0 <= place < 1
    assert assign([name], salt, [(0.0, place), (place, place + 0.00005)]) == [1]


def test_names_beyond_ascii_are_hashed_by_utf_16_units_as_javascript_does():
    # Computed with `charCodeAt` and FNV-1a as GrowthBook's JavaScript SDK has it.
    def javascript(text: str) -> int:
        state = 2_166_136_261
        raw = text.encode("utf-16-be")
        for high, low in zip(raw[::2], raw[1::2], strict=True):
            state ^= high * 256 + low
            state = (state + (state << 1) + (state << 4) + (state << 7) + (state << 8) + (state << 24)) % 2**32
        return state

    for name in ("客户:1", "😀", "é"):
        assert bucket("盐", name) == (javascript(str(javascript("盐" + name))) % 10_000) / 10_000


def test_no_arms_hold_nobody():
    assert bucket_ranges(0) == []
    assert assign(["a"], "salt", []) == [NO_ARM]
