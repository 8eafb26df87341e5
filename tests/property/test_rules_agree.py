"""One rule, one meaning: closure, DuckDB and PostgreSQL give the same true, false or NULL for every row."""

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest

from keyuan.engines.database import Database
from keyuan.kernel.errors import KeyuanError
from keyuan.segments.rules import Rule, RuleError, Table, compile_rule, read_rows, together
from keyuan.segments.rules import closure as closure_module
from keyuan.segments.rules import emit as emit_module
from keyuan.segments.rules.evaluate import evaluate_all
from keyuan.segments.rules.model import Node
from random_rules import COLUMNS, RuleMaker, random_rows

SEED = int(os.environ.get("KEYUAN_SEED", "20170101"))
RULES = 300
ROWS = 60
# Where an engine left to itself would squeeze a number, sort by a language or forget a NULL.
POINTED = [
    "1e5 * 1e5 > i",
    "-coalesce(i, 1.0) > 0 OR abs(coalesce(i, 1e3)) > 0",
    "99999999999999.0 + 1e13 - i * 1.0 > 0",
    "i * 7 < d",
    "coalesce(i * 7, d) = d",
    "i + j > 0 AND abs(i) >= 0 AND -i <= 9223372036854775807",
    "i * 100000000000000 > j",
    "i BETWEEN d AND j OR i NOT BETWEEN j AND d",
    "i IN (1, 1.5, NULL, 9223372036854775807)",
    "d * 3 - i <> e",
    "t < 'b'",
    't < "Text Two" OR t IN l',
    "NULL IN l OR z NOT IN 标签",
    "(b = NULL) IS NULL AND (NOT b OR z) IS NOT TRUE",
]


def _rules(random: Random, count: int, *, portable: bool = False) -> list[Rule]:
    """Make rules until `count` are accepted; nearly all must be, or the test tries nothing."""
    maker = RuleMaker(random, portable=portable)
    accepted: list[Rule] = []
    refused = 0
    while len(accepted) < count:
        try:
            accepted.append(compile_rule(maker.rule(), COLUMNS))
        except RuleError as error:
            if "34 digits" not in error.message:
                raise
            refused += 1
    assert refused < count / 10
    return accepted


def _differences(database: Database, rules: list[Rule], table: Table) -> Iterator[str]:
    """Say where the engines differ."""
    answers = {engine: evaluate_all(rules, table, engine) for engine in ("closure", "duckdb")}
    with database.transaction(tenant=1) as session:
        answers["postgres"] = evaluate_all(rules, table, "postgres", session)
    for place, rule in enumerate(rules):
        for row, values in enumerate(zip(*(found[place] for found in answers.values()), strict=True)):
            if len({repr(value) for value in values}) > 1:
                given = dict(zip(answers, values, strict=True))
                yield f"seed {SEED}: {rule.text!r} gives {given} on {table.rows[row]!r}"


def _compared(database: Database, random: Random, count: int) -> list[str]:
    table = random_rows(random, ROWS)
    rules = [compile_rule(text, COLUMNS) for text in POINTED] + _rules(random, count)
    return list(_differences(database, rules, table))


def test_random_rules_mean_the_same_on_every_engine(database: Database):
    assert _compared(database, Random(SEED), RULES) == []


def test_every_answer_occurs_often():
    random = Random(SEED)
    table = random_rows(random, ROWS)
    answers = [value for found in evaluate_all(_rules(random, RULES), table, "closure") for value in found]
    for answer in (True, False, None):
        assert answers.count(answer) > len(answers) / 10


def test_many_rules_in_one_function_are_true_where_each_one_is():
    random = Random(SEED)
    rules, names = [compile_rule(text, COLUMNS) for text in POINTED] + _rules(random, RULES), list(COLUMNS)
    asked, alone = together(rules, names), [rule.matcher(names) for rule in rules]
    for row in random_rows(random, ROWS).rows:
        assert asked(row) == sum(1 << place for place, matcher in enumerate(alone) if matcher(row) is True)


@pytest.mark.long
def test_ten_thousand_random_rules_mean_the_same_on_every_engine(database: Database):
    for part in range(20):
        assert _compared(database, Random(f"{SEED}.{part}"), 500) == []


def test_the_text_of_a_rule_means_in_sql_what_it_means_here(database: Database):
    """The text itself is given to PostgreSQL: so precedence is SQL's, not an invention of ours."""
    random = Random(SEED)
    rules = _rules(random, 200, portable=True)
    rows = [
        tuple(random.choice([None, 0, 1, 2, 5, -3]) for _ in range(2))
        + tuple(random.choice([None, True, False]) for _ in range(2))
        for _ in range(40)
    ]
    names = ("i", "j", "b", "and")
    with database.transaction(tenant=1) as session:
        columns = {"ordinal": "int8", "i": "int8", "j": "int8", "b": "bool", "and": "bool"}
        session.stage("plain", columns, ((place, *row) for place, row in enumerate(rows)))
        for rule in rules:
            found = session.rows(f"SELECT ({rule.text}) FROM pg_temp.plain ORDER BY ordinal")
            assert [value for (value,) in found] == list(map(rule.matcher(names), rows)), rule.text


def test_one_session_answers_about_one_table_after_the_other(database: Database):
    """Staging tables stay in a session: neither the rows nor the columns of the last question may come back."""
    for _ in range(2):
        with database.transaction(tenant=2) as session:
            for body in (b'{"a": 1}\n{"a": 2}', b'{"a": "x"}', b'{"a": 3}', b'{"b": 0.5, "a": 1}', b'{"a": null}'):
                table = read_rows(body)
                rules = [compile_rule(text, table.columns) for text in ("a IS NULL", "TRUE", "coalesce(a, NULL) = a")]
                assert evaluate_all(rules, table, "postgres", session) == evaluate_all(rules, table, "closure")


def _and_forgets_null(self: Any, items: tuple[Node, ...], every: bool) -> None:  # noqa: FBT001  # as the original
    """A planted bug: the first part that is not true makes an AND false, even when it is NULL."""
    for item in items:
        leave = f"if not {self.true(item)}: return False" if every else f"if {self.true(item)}: return True"
        self._lines.append(leave)
    self._lines.append(f"return {every}")


def _integers_stay_narrow(self: Any, node: Node) -> str:
    """A planted bug: numbers are left as they are, so that 64 bits overflow."""
    return self.sql(node)


def _no_collation(self: Any, node: Node) -> str:
    """A planted bug: text compares as the server likes."""
    return f'({self.sql(node)} COLLATE "unicode")'


@pytest.mark.parametrize(
    ("owner", "name", "bug"),
    [
        (closure_module._Writer, "_chain", _and_forgets_null),
        (emit_module.PostgresEmitter, "exact", _integers_stay_narrow),
        (emit_module.DuckDbEmitter, "exact", _integers_stay_narrow),
        (emit_module.DuckDbEmitter, "wide", _integers_stay_narrow),
        (emit_module.PostgresEmitter, "collated", _no_collation),
    ],
)
def test_a_planted_bug_is_found(database: Database, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, bug: Any):
    monkeypatch.setattr(owner, name, bug)
    try:
        found = _compared(database, Random(SEED), RULES)
    except (KeyuanError, psycopg.Error) as failure:
        found = [str(failure)]
    assert found
