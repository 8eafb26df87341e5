"""Assignment gives what GrowthBook's published cases expect."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyuan.experiments.assignment import NO_ARM, assign, bucket, bucket_ranges, choose_variation

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "growthbook" / "cases.json").read_text(encoding="utf-8")
)


def test_all_published_cases_are_here():
    assert {name: len(cases) for name, cases in CASES.items() if name != "specVersion"} == {
        "hash": 15,
        "getBucketRange": 13,
        "chooseVariation": 13,
    }


@pytest.mark.parametrize(("salt", "name", "version", "expected"), CASES["hash"])
def test_a_name_has_the_published_bucket(salt: str, name: str, version: int, expected: float | None):
    assert bucket(salt, name, version) == expected


@pytest.mark.parametrize(("given", "expected"), [case[1:] for case in CASES["getBucketRange"]])
def test_arms_have_the_published_ranges(given: list[Any], expected: list[list[float]]):
    ranges = bucket_ranges(*given)
    assert len(ranges) == len(expected)
    for found, wanted in zip(ranges, expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("place", "ranges", "expected"), [case[1:] for case in CASES["chooseVariation"]])
def test_a_bucket_lies_in_the_published_range(place: float, ranges: list[tuple[float, float]], expected: int):
    assert choose_variation(place, ranges) == expected


def test_a_batch_of_names_is_assigned_as_each_of_them_alone():
    found = [(salt, name, expected) for salt, name, version, expected in CASES["hash"] if version == 2]
    for salt, name, expected in found:
        around = [(0.0, expected), (expected, expected + 0.00005)]
        assert assign([name, name], salt, around) == [1, 1]
        assert assign([name], salt, around[:1]) == [NO_ARM]
