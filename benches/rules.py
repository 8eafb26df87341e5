"""How long one evaluation of a rule of six predicates takes, against a lambda written by hand.

`python -m benches.rules --json` prints one object: `value` in µs (the median of the rounds), `baseline` the same
predicates as a Python lambda that does not even know NULL, measured in the same run, and `ratio` of the two.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from keyuan.segments.rules import ColumnType, compile_rule

RULE = (
    "recency_days <= 30 AND orders_90d >= 10 AND 'COFFEE' IN top_categories "
    "AND spend_minor > 20000 AND (age = '35-44' OR coupons >= 1)"
)
COLUMNS = {
    "recency_days": ColumnType.INTEGER,
    "orders_90d": ColumnType.INTEGER,
    "top_categories": ColumnType.TEXTS,
    "spend_minor": ColumnType.INTEGER,
    "age": ColumnType.TEXT,
    "coupons": ColumnType.INTEGER,
}
ROWS = 20_000
ROUNDS = 15

Row = tuple[Any, ...]


def by_hand(row: Row) -> bool:
    """Answer the same question, for rows without NULL."""
    return (
        row[0] <= 30 and row[1] >= 10 and "COFFEE" in row[2] and row[3] > 20000 and (row[4] == "35-44" or row[5] >= 1)
    )


def rows(random: Random) -> list[Row]:
    """Make people of whom most pass most predicates, so that every predicate is asked."""
    return [
        (
            random.randint(0, 33),
            random.randint(9, 40),
            ("COFFEE", "FLUID MILK PRODUCTS", "SOFT DRINKS")[random.randint(0, 9) == 0 :],
            random.randint(19_000, 90_000),
            random.choice(["25-34", "35-44", "45-54"]),
            random.randint(0, 3),
        )
        for _ in range(ROWS)
    ]


def microseconds(question: Callable[[Row], object], people: Sequence[Row]) -> float:
    """Time one evaluation, in µs."""
    start = time.perf_counter_ns()
    for person in people:
        question(person)
    return (time.perf_counter_ns() - start) / len(people) / 1000


def measure() -> dict[str, object]:
    """Compile the rule, check that both answer alike, and time them in turn."""
    compiled = compile_rule(RULE, COLUMNS).matcher(tuple(COLUMNS))
    people = rows(Random(1))
    assert list(map(compiled, people)) == list(map(by_hand, people))
    pairs = [(microseconds(compiled, people), microseconds(by_hand, people)) for _ in range(ROUNDS)]
    value = statistics.median(ours for ours, _ in pairs)
    baseline = statistics.median(theirs for _, theirs in pairs)
    return {
        "value": round(value, 4),
        "unit": "µs per evaluation of six predicates",
        "baseline": round(baseline, 4),
        "ratio": round(value / baseline, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one evaluation of a rule of six predicates.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    found = measure()
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print(f"{found['value']} {found['unit']}; by hand {found['baseline']}; ratio {found['ratio']}")


if __name__ == "__main__":
    main()
