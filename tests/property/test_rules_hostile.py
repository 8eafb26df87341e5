"""Hostile rules are harmless: whatever is written, the answer is a rule or a refusal, soon, and a rule never fails."""

import time
from random import Random

import pytest

from keyuan.segments.rules import Rule, RuleError, Table, compile_rule
from keyuan.segments.rules.evaluate import evaluate_all
from random_rules import COLUMNS, RuleMaker, random_rows

SEED = 20170102
WORDS = """a b i j d t l z AND OR NOT IN BETWEEN IS NULL TRUE FALSE = <> != < <= > >= + - * / ( ) , . ; : :: % ? ! ~
| || & ^ # @ $1 [ ] { } 'x' '' ' " "and" `i` 1 -1 1.5 1e5 0x10 1_0 9223372036854775808 -- /* */ // \\ E'x' N'x' U&'x'
abs( coalesce( length( contains( contains_any( starts_with( count( sum( f( SELECT CASE WHEN THEN END LIKE ANY EXISTS
CAST AS DATE INTERVAL now() FROM WHERE UNION DISTINCT COLLATE ARRAY[1] JSON ROW VALUES {{x}} {%x%} %s %(x)s ‘ ＝ 客
标签 😀"""
PIECES = [*WORDS.split(), "\n", "\t", "\u00a0", "\u200b", "\ufeff", "\0", "\x1b", "\ud800", ""]


def _soup(random: Random) -> str:
    pieces = random.choices(PIECES, k=random.choice([1, 3, 5, 9, 30]))
    return random.choice([" ", " ", ""]).join(pieces)


def _damaged(random: Random, maker: RuleMaker) -> str:
    """Take a good rule and change, drop, double or swap something in it."""
    text = maker.rule()
    for _ in range(random.choice([1, 1, 2, 4])):
        at, length = random.randrange(len(text) + 1), random.choice([0, 1, 1, 3, 12])
        middle = random.choice(["", random.choice(PIECES), text[at : at + length] * 2, chr(random.randrange(0x250))])
        text = text[:at] + middle + text[at + length :]
    return text


@pytest.mark.parametrize("kind", ["soup", "damaged"])
def test_anything_written_is_a_rule_or_a_refusal(kind: str):
    random = Random(f"{SEED}{kind}")
    maker = RuleMaker(random)
    table = random_rows(random, 10)
    rules: list[Rule] = []
    refusals: set[str] = set()
    for _ in range(3000):
        text = _soup(random) if kind == "soup" else _damaged(random, maker)
        try:
            rules.append(compile_rule(text, COLUMNS))
        except RuleError as refused:
            refusals.add(refused.message)
    assert all(message.endswith((".", "?")) for message in refusals)
    assert len(rules) > 20
    some = rules[:200]
    assert evaluate_all(some, table, "duckdb") == evaluate_all(some, table, "closure")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 31 + "b" + ")" * 31,
        "(b OR " * 31 + "b" + ")" * 31,
        "NOT (b AND " * 15 + "b" + ")" * 15,
        "(b = " * 31 + "b" + ")" * 31,
        "coalesce(i, " * 31 + "i" + ")" * 31 + " = 1",
        "(i BETWEEN j AND " * 1 + "3)",
        "(((b IS NULL) IS NULL) IS NULL) IS NULL",
        "(b BETWEEN " * 15 + "b" + " AND b)" * 15,
        "(b IS TRUE = " * 0 + "(" * 30 + "b" + ") IS NULL" * 30,
        "i + " * 13 + "1 = 1",
        " AND ".join(["b"] * 128),
        "t IN (" + ", ".join(f"'{number}'" for number in range(100)) + ")",
        "t = '" + "''" * 2000 + "'",
        " " * 4000 + "b",
    ],
)
def test_the_largest_rules_are_compiled_in_a_moment_and_stay_small(text: str):
    start = time.perf_counter()
    rule = compile_rule(text, COLUMNS)
    table = Table(dict(COLUMNS), [(None,) * len(COLUMNS)])
    answer = evaluate_all([rule], table, "closure")
    assert evaluate_all([rule], table, "duckdb") == answer
    assert len(rule.sql("postgres")) < 50_000
    assert time.perf_counter() - start < 20
