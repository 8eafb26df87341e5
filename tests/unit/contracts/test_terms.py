"""The terms in Python: bytes and digests that others can compute, and quotes at the edges."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyuan.contracts.terms import (
    NO_HASH,
    Book,
    Terms,
    doubled_digest,
    may_hurt,
    name_digest,
    quote,
    quote_many,
    terms_bytes,
    terms_hash,
    terms_hashes,
    version_at,
)
from keyuan.kernel.errors import InputError

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "contracts.md"
BOOK = Book(name_digest("corner"), name_digest("points"), name_digest("spend"))
FIRST = Terms(1_483_228_800_000_000, 100, 500, 12, doubled_digest(["BREAD", "MILK"]))
SECOND = FIRST._replace(starts_at_us=FIRST.starts_at_us + 1, daily_cap=600)
amounts = st.integers(0, 2**64 - 1)


def test_the_bytes_of_a_version_are_those_of_the_page():
    found = terms_bytes(BOOK, 1, FIRST, NO_HASH)
    assert found.hex() == (
        "00"
        "45d227c4b297a0ba4ce42738ad3d448e19628a5ecfd509ea861b24a23009d08e"
        "c54a061dfcc125cb160421b2680feaf6d65d938d756d887fe4d8d1d046eb626e"
        "f64a33ff88c38111769d86b2679168f7cdabcaa7c9c20cbb51aa0a3a506a8717"
        "0000000000000001"
        "000544fd1dbea000"
        "0000000000000064"
        "00000000000001f4"
        "000000000000000c"
        "633dc8f753c26b0c270b696b1498d2bc604bdbcc4ec7e12fbe14d27d300f9b16" + "00" * 32
    )


def test_the_vectors_of_the_page_are_right():
    hashes = terms_hashes(BOOK, [FIRST, SECOND])
    page = PAGE.read_text(encoding="utf-8")
    for version, terms, before in ((1, FIRST, NO_HASH), (2, SECOND, hashes[0])):
        said = f"bytes {terms_bytes(BOOK, version, terms, before).hex()}\nhash  {hashes[version - 1].hex()}\n"
        assert said in page


def test_each_digest_commits_to_all_before():
    hashes = terms_hashes(BOOK, [FIRST, SECOND])
    assert hashes[0] == hashlib.sha256(terms_bytes(BOOK, 1, FIRST, bytes(32))).digest()
    assert hashes[1] == terms_hash(BOOK, 2, SECOND, hashes[0])
    other = terms_hashes(BOOK, [FIRST._replace(expiry_months=13), SECOND])
    assert other[1] != hashes[1]
    assert hashes[1].hex() == "440b7f932f8458f5a9f01a52b6d7847d8f99d8814864235026e5a1b6d6464d17"


@pytest.mark.parametrize("name", Terms._fields)
def test_every_field_is_in_the_digest(name: str):
    other = FIRST._replace(**{name: doubled_digest([]) if name == "doubled" else 7})
    assert terms_hashes(BOOK, [other]) != terms_hashes(BOOK, [FIRST])


@pytest.mark.parametrize("name", Book._fields)
def test_every_name_is_in_the_digest(name: str):
    assert terms_hashes(BOOK._replace(**{name: bytes(32)}), [FIRST]) != terms_hashes(BOOK, [FIRST])


def test_the_border_between_categories_counts_and_their_order_does_not():
    assert doubled_digest(["a", "bc"]) == doubled_digest(["bc", "a", "a"]) != doubled_digest(["ab", "c"])
    assert doubled_digest([]) == hashlib.sha256(b"").digest()


@pytest.mark.parametrize(
    ("base", "extra", "earned", "points"),
    [
        (0, 0, 0, 0),
        (99, 0, 0, 0),
        (100, 0, 0, 1),
        (50, 50, 0, 1),
        (99, 99, 0, 1),
        (50_000, 0, 0, 500),
        (10**9, 0, 0, 500),
        (10**9, 0, 499, 1),
        (10**9, 0, 500, 0),
        (10**9, 0, 501, 0),
        (2**64 - 1, 2**64 - 1, 0, 500),
    ],
)
def test_a_purchase_earns(base: int, extra: int, earned: int, points: int):
    assert quote(FIRST, base, extra, earned) == points
    assert quote_many(FIRST, [(base, extra, earned)]) == [points]


@given(base=amounts, extra=amounts, earned=amounts)
def test_points_are_never_negative_and_never_over_the_cap(base: int, extra: int, earned: int):
    points = quote(FIRST, base, extra, earned)
    assert 0 <= points <= max(FIRST.daily_cap - earned, 0)


@given(base=amounts, extra=amounts, more=st.integers(0, 1_000))
def test_who_spends_more_never_earns_less(base: int, extra: int, more: int):
    if base + more < 2**64:
        assert quote(FIRST, base + more, extra, 0) >= quote(FIRST, base, extra, 0)


@pytest.mark.parametrize("numbers", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (2**64, 0, 0), (0, 2**64, 0), (0, 0, 2**64)])
def test_numbers_out_of_range_are_refused(numbers: tuple[int, int, int]):
    with pytest.raises(InputError, match="from 0 to"):
        quote(FIRST, *numbers)


def test_the_version_in_force_holds_from_its_start_on():
    versions = [FIRST, SECOND]
    start = FIRST.starts_at_us
    assert [version_at(versions, instant) for instant in (0, start - 1, start, start + 1, 2**63)] == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("changes", "hurts"),
    [
        ({}, False),
        ({"minor_per_point": 99}, False),
        ({"minor_per_point": 101}, True),
        ({"daily_cap": 501}, False),
        ({"daily_cap": 499}, True),
        ({"expiry_months": 13}, False),
        ({"expiry_months": 11}, True),
        ({"doubled": doubled_digest(["BREAD"])}, True),
        ({"doubled": doubled_digest(["BREAD", "MILK", "EGGS"])}, True),
    ],
)
def test_what_may_hurt(changes: dict[str, int], hurts: bool):  # noqa: FBT001  # a column of the table
    assert may_hurt(FIRST, FIRST._replace(**changes)) is hurts
