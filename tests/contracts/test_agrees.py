"""The bytecode and the mirror: 50,000 purchases under hard and random terms, no difference; and bugs are found."""

import random

import pytest

from contracts.deployed import FIRST
from contracts.planted import IMMUTABLES, OURS, record, with_bug
from keyuan.contracts import Terms, load, quote_many, replayed
from keyuan.contracts.artifacts import TARGETS, Target
from keyuan.contracts.terms import ARGUMENT_MAX, MONTHS_MAX, NUMBER_MAX
from keyuan.engines.evm import Kind, best_kind, open_machine
from keyuan.kernel.errors import InputError

CALLS = 50_000
HARD = [
    FIRST,
    FIRST._replace(minor_per_point=1, daily_cap=1),
    FIRST._replace(minor_per_point=1, daily_cap=NUMBER_MAX, expiry_months=MONTHS_MAX),
    FIRST._replace(minor_per_point=NUMBER_MAX, daily_cap=NUMBER_MAX),
    FIRST._replace(minor_per_point=3, daily_cap=2, expiry_months=1),
]
NUMBERS = [0, 1, 2, 99, 100, 101, 199, 200, NUMBER_MAX - 1, NUMBER_MAX, NUMBER_MAX + 1, ARGUMENT_MAX - 1, ARGUMENT_MAX]
Row = tuple[int, int, int]


def some_terms(chance: random.Random) -> Terms:
    return FIRST._replace(
        minor_per_point=chance.choice([chance.randrange(1, 500), chance.randrange(1, NUMBER_MAX)]),
        daily_cap=chance.choice([chance.randrange(1, 5_000), chance.randrange(1, NUMBER_MAX)]),
    )


def some_rows(chance: random.Random, terms: Terms, count: int) -> list[Row]:
    """Purchases like real ones, purchases at the very edges of the numbers, and such around the cap and a point."""

    def amount() -> int:
        around = terms.minor_per_point * chance.randrange(5) + chance.randrange(-1, 2)
        return chance.choice([chance.randrange(50_000), chance.choice(NUMBERS), max(around, 0), chance.getrandbits(64)])

    def earned() -> int:
        around = terms.daily_cap + chance.randrange(-2, 3)
        return chance.choice([0, chance.randrange(2_000), chance.choice(NUMBERS), max(around, 0)])

    return [(amount() % 2**64, amount() % 2**64, earned() % 2**64) for _ in range(count)]


def disagreements(code: bytes, calls: int, kind: Kind, seed: str) -> tuple[int, list[tuple[Terms, Row]]]:
    """Return how many purchases were quoted, and those in which the code and the mirror differ."""
    chance = random.Random(seed)
    found: list[tuple[Terms, Row]] = []
    terms_in_turn = [*HARD, *(some_terms(chance) for _ in range(15))]
    each = calls // len(terms_in_turn)
    for terms in terms_in_turn:
        rows = some_rows(chance, terms, each)
        quotes = replayed(record(terms, code=code), lambda: open_machine(kind)).quote_many(1, rows)
        found += [
            (terms, row)
            for row, theirs, ours in zip(rows, quotes, quote_many(terms, rows), strict=True)
            if theirs != ours
        ]
    return each * len(terms_in_turn), found


@pytest.mark.parametrize("target", TARGETS)
def test_bytecode_and_mirror_agree_on_every_purchase(target: Target):
    code = load("ProgramTerms").codes[target].runtime + IMMUTABLES
    assert disagreements(code, CALLS, best_kind(), target) == (CALLS, [])


def test_a_second_machine_agrees_too():
    assert disagreements(OURS, 1_000, "py-evm", "second") == (1_000, [])


BUGS = {
    "extra is left out": ("(convert(base, uint256) + convert(extra, uint256))", "convert(base, uint256)"),
    "the day before is forgotten": ("convert(cap - earned, uint256)", "convert(cap, uint256)"),
    "rounded twice": (
        "(convert(base, uint256) + convert(extra, uint256)) // minor_per_point",
        "convert(base, uint256) // minor_per_point + convert(extra, uint256) // minor_per_point",
    ),
    "rounded up": (
        "convert(extra, uint256)) // minor_per_point",
        "convert(extra, uint256) + minor_per_point - 1) // minor_per_point",
    ),
    "over the cap one more": ("if earned >= cap:\n        return 0", "if earned >= cap:\n        return 1"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_although_its_terms_hash_is_right(bug: str):
    _, found = disagreements(with_bug(*BUGS[bug]), 1_000, best_kind(), bug)
    assert found


@pytest.mark.parametrize("row", [(-1, 0, 0), (0, 2**64, 0), (0, 0, -1), (1, 1, 2**64)])
def test_numbers_that_the_contract_cannot_take_are_refused_by_both(row: Row):
    code = replayed(record(FIRST), open_machine)
    for ask in (lambda: quote_many(FIRST, [row]), lambda: code.quote_many(1, [row])):
        with pytest.raises(InputError):
            ask()


def test_batches_of_any_length_come_back_in_order():
    code = replayed(record(FIRST), open_machine)
    rows = [(number * 100, 0, 0) for number in range(2_001)]
    for count in (0, 1, 999, 1_000, 1_001, 2_001):
        assert code.quote_many(1, rows[:count]) == [min(number, 500) for number in range(count)]
