"""What a rule means: SQL's logic of true, false and NULL, exact numbers, text by code point."""

from decimal import Decimal, localcontext
from typing import Any

import pytest

from keyuan.engines.rows import duckdb_answers
from keyuan.kernel.errors import EngineError, InputError
from keyuan.segments.rules import ColumnType, Table, compile_rule, read_rows
from keyuan.segments.rules.evaluate import evaluate, evaluate_all

COLUMNS = {
    "a": ColumnType.INTEGER,
    "d": ColumnType.DECIMAL,
    "t": ColumnType.TEXT,
    "l": ColumnType.TEXTS,
    "p": ColumnType.BOOLEAN,
    "q": ColumnType.BOOLEAN,
    "z": ColumnType.UNKNOWN,
    "Column Name": ColumnType.INTEGER,
    "select": ColumnType.INTEGER,
    "and": ColumnType.BOOLEAN,
    "客户": ColumnType.TEXT,
    'quo"te': ColumnType.INTEGER,
}


def _holds(text: str, **row: Any) -> bool | None:
    """Ask the closure, both its forms, and DuckDB."""
    rule = compile_rule(text, COLUMNS)
    found = rule.holds(row)
    table = Table(dict(COLUMNS), [tuple(row.get(name) for name in COLUMNS)])
    assert evaluate(rule, table, "closure") == [found]
    assert evaluate(rule, table, "duckdb") == [found]
    return found


@pytest.mark.parametrize("p", [True, False, None])
@pytest.mark.parametrize("q", [True, False, None])
def test_logic_is_three_valued(p: bool | None, q: bool | None):  # noqa: FBT001  # a value of a row
    both = {p, q}
    assert _holds("p AND q", p=p, q=q) is (False if False in both else None if None in both else True)
    assert _holds("p OR q", p=p, q=q) is (True if True in both else None if None in both else False)
    assert _holds("NOT p", p=p) is (None if p is None else not p)
    assert _holds("p = q", p=p, q=q) is (None if None in both else p == q)
    assert _holds("p < q", p=p, q=q) is (None if p is None or q is None else p < q)
    assert _holds("p IS NOT TRUE", p=p) is (p is not True)
    assert _holds("p IS FALSE", p=p) is (p is False)
    assert _holds("(p AND q) IS NULL", p=p, q=q) is (_holds("p AND q", p=p, q=q) is None)


WITHOUT_A_ROW = [
    ("NULL", None),
    ("z", None),
    ("TRUE", True),
    ("NOT NULL", None),
    ("a = NULL", None),
    ("NULL IN (1, 2)", None),
    ("NULL NOT IN (1)", None),
    ("3 IN (1, NULL)", None),
    ("1 IN (1, NULL)", True),
    ("3 NOT IN (1, NULL)", None),
    ("1 NOT IN (1, NULL)", False),
    ("z IS NULL", True),
    ("z IS NOT NULL", False),
    ("z IS TRUE", False),
    ("z IS NOT FALSE", True),
    ("z > 'a' OR TRUE", True),
    ("z > 1 AND FALSE", False),
    ("1 BETWEEN NULL AND 0", False),
    ("1 BETWEEN NULL AND 5", None),
    ("1 NOT BETWEEN 2 AND NULL", True),
    ("1 BETWEEN 1 AND 1", True),
    ("2 BETWEEN 3 AND 1", False),
    ("coalesce(NULL, z, 3) = 3", True),
    ("coalesce(NULL, z) = 3", None),
    ("coalesce(NULL) IS NULL", True),
    ("length(z) = 3", None),
    ("abs(z) = 3", None),
    ("contains(z, 'a')", None),
    ("starts_with(z, NULL)", None),
    ("'a' IN z", None),
    ("z IN l", None),
    ("1 = 1.0", True),
    ("1e3 = 1000", True),
    (".5 + .5 = 1.", True),
    ("007 = 7", True),
    ("2 + 3 * 4 = 14", True),
    ("2 - 3 - 4 = -5", True),
    ("- -5 = 5", True),
    ("-(2 + 3) = -5", True),
    ("0.1 + 0.2 = 0.3", True),
    ("-9223372036854775808 < -9223372036854775807", True),
    ("abs(-9223372036854775808) > 9223372036854775807", True),
    ("99999999999999.9999 > 99999999999999.9998", True),
    ("NOT 1 = 2 AND NOT FALSE", True),
    ("TRUE OR FALSE AND FALSE", True),
    ("NOT TRUE OR TRUE", True),
    ("1 NOT BETWEEN 2 AND 3 AND TRUE", True),
    ("true And not FALSE oR null", True),
    ("1 != 2", True),
]


@pytest.mark.parametrize(("text", "answer"), WITHOUT_A_ROW)
def test_literals_and_nulls_have_the_meaning_of_sql(text: str, answer: bool | None):  # noqa: FBT001  # expected
    assert compile_rule(text, COLUMNS).holds({}) is answer


def test_literals_and_nulls_have_the_same_meaning_in_duckdb():
    table = Table(dict(COLUMNS), [(None,) * len(COLUMNS)])
    rules = [compile_rule(text, COLUMNS) for text, _ in WITHOUT_A_ROW]
    assert evaluate_all(rules, table, "duckdb") == [[answer] for _, answer in WITHOUT_A_ROW]


def test_an_empty_list_holds_nothing_not_even_null():
    assert _holds("'x' IN l", l=()) is False
    assert _holds("t IN l", l=()) is False
    assert _holds("NULL NOT IN l", l=()) is True
    assert _holds("t IN l", l=("x",)) is None
    assert _holds("'x' IN l") is None
    assert _holds("t IN l", t="x", l=("y", "x")) is True
    assert _holds("contains_any(l, 'x', 'y')", l=("y",)) is True
    assert _holds("contains_any(l, 'x')", l=()) is False
    assert _holds("contains_all(l, 'x', 'y')", l=("y",)) is False
    assert _holds("contains_all(l, 'x', 'y', 'x')", l=("y", "x")) is True
    assert _holds("length(l) = 0", l=()) is True


def test_text_is_compared_by_code_point_and_exactly():
    assert _holds("'Z' < 'a'") is True
    assert _holds("'\uffff' < '😀'") is True
    assert _holds("'a ' = 'a'") is False
    assert _holds("'é' = 'e\u0301'") is False
    assert _holds("length(t) = 3", t="a😀客") is True
    assert _holds("starts_with(t, '') AND ends_with(t, '') AND contains(t, '')", t="") is True
    assert _holds("ends_with(t, '缘') AND contains(t, '客') AND NOT starts_with(t, '缘')", t="客缘") is True


def test_quotes_and_backslashes_are_plain_characters():
    assert _holds("t = 'it''s'", t="it's") is True
    assert _holds(r"t = 'a\'", t="a\\") is True
    assert _holds(r"t = '\n'", t="\n") is False
    assert _holds("t = '--'", t="--") is True
    assert _holds("t = '/* ; */'", t="/* ; */") is True
    assert _holds("t = 'AND'", t="AND") is True
    assert _holds("t = '%s {0} $1'", t="%s {0} $1") is True


def test_any_name_can_be_a_column():
    assert _holds('"Column Name" = 1 AND select = 2', **{"Column Name": 1, "select": 2}) is True
    assert _holds('"and" AND TRUE', **{"and": True}) is True
    assert _holds("客户 = '张'", 客户="张") is True
    assert _holds('"quo""te" = 1', **{'quo"te': 1}) is True


def test_numbers_are_exact_to_the_last_digit():
    assert _holds("a + 1 > 9223372036854775807", a=2**63 - 1) is True
    assert _holds("-a > 9223372036854775807", a=-(2**63)) is True
    assert _holds("a * 10000000000000 - 1 < a * 10000000000000", a=2**63 - 1) is True
    assert _holds("d * a = a * d", a=2**63 - 1, d=Decimal("99999999999999.9999")) is True
    assert _holds("a > d", a=2**63 - 1, d=Decimal("99999999999999.9999")) is True
    assert _holds("d + 0.0001 = 100000000000000 * 1", d=Decimal("99999999999999.9999")) is True
    assert _holds("a IN (1.5, 9223372036854775807)", a=2**63 - 1) is True


def test_columns_used_are_named_in_order():
    rule = compile_rule("t = 'x' AND a > 1 AND z IS NULL AND a < 5", COLUMNS)
    assert rule.columns == ("a", "t", "z")
    assert rule.text.startswith("t = 'x'")


def test_sql_quotes_names_and_literals():
    rule = compile_rule("\"quo\"\"te\" = 1 AND t = 'it''s'", COLUMNS)
    assert rule.sql("duckdb") == """(("quo""te" = 1) AND ("t" = 'it''s'))"""
    assert '"quo""te"' in rule.sql("postgres")
    assert rule.sql("duckdb", {"t": "c1", 'quo"te': "c2"}) == """(("c2" = 1) AND ("c1" = 'it''s'))"""


def test_an_answer_has_one_value_for_each_row_in_order():
    values = list(range(5000))
    table = Table({"a": ColumnType.INTEGER}, [(value,) for value in values])
    rule = compile_rule("a >= 2500", table.columns)
    expected = [value >= 2500 for value in values]
    assert evaluate(rule, table, "duckdb") == expected == evaluate(rule, table, "closure")


def test_duckdb_reaches_nothing_outside():
    with pytest.raises(EngineError, match="DuckDB could not answer"):
        duckdb_answers(["(SELECT count(*) FROM read_csv('/etc/passwd')) > 0"], {}, [()])


def test_a_narrow_decimal_context_changes_nothing():
    row = {"a": 2**63 - 1, "d": Decimal("99999999999999.9999")}
    with localcontext(prec=3):
        assert _holds("d * 9 - d = 8 * d AND a + d > a AND -d < a AND abs(-d) = d", **row) is True
        assert read_rows(b'{"d": 12345678901234.5678}\n{"d": 7}').rows[0] == (Decimal("12345678901234.5678"),)


def test_rows_may_be_lists_tuples_and_sets_of_text():
    rule = compile_rule("'x' IN l AND contains_any(l, 'x') AND contains_all(l, 'x', 'y')", COLUMNS)
    for words in (["x", "y"], ("x", "y"), frozenset({"x", "y"})):
        assert rule.holds({"l": words}) is True


def test_an_engine_that_is_not_there_is_refused():
    table = Table({"a": ColumnType.INTEGER}, [(1,)])
    rule = compile_rule("a = 1", table.columns)
    with pytest.raises(InputError, match="There is no engine"):
        evaluate(rule, table, "oracle")
    with pytest.raises(InputError, match="running database"):
        evaluate(rule, table, "postgres")
