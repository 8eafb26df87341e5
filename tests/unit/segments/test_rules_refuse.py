"""What is not a rule is refused with a place and a sentence that says what to write instead."""

import pytest

from keyuan.segments.rules import ColumnType, RuleError, compile_rule

COLUMNS = {
    "recency_days": ColumnType.INTEGER,
    "orders": ColumnType.INTEGER,
    "spend": ColumnType.DECIMAL,
    "store": ColumnType.TEXT,
    "tags": ColumnType.TEXTS,
    "vip": ColumnType.BOOLEAN,
    "empty": ColumnType.UNKNOWN,
}


def _refusal(text: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        compile_rule(text, COLUMNS)
    return caught.value


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("   \n\t", "empty"),
        ("recency_day <= 30", "mean recency_days"),
        ("RECENCY_DAYS <= 30", "mean recency_days"),
        ("nothing_like_it = 1", "There are: empty"),
        ("recency_days", "compare it"),
        ("5", "compare it"),
        ("'x'", "compare it"),
        ("tags", "compare it"),
        ("-NULL", "compare it"),
        ("recency_days = '30'", "text"),
        ("store > 5", "text"),
        ("vip = 1", "one type"),
        ("vip IN (1, 2)", "one type"),
        ("store IN ('a', 1)", "one type"),
        ("empty IN ('a', 1)", "one type"),
        ("store BETWEEN 1 AND 'z'", "one type"),
        ("tags = tags", "look into it"),
        ("tags IN ('a')", "look into it"),
        ("tags = 'a'", "look into it"),
        ("'a' IN (tags)", "IN tags without parentheses"),
        ("'a' IN (\"tags\")", "IN tags without parentheses"),
        ("'a' IN store", "only a list"),
        ("1 IN tags", "list holds text"),
        ("store + 1 > 2", "use numbers"),
        ("-store > 2", "use numbers"),
        ("abs(vip) > 2", "use numbers"),
        ("NOT orders", "compare it"),
        ("orders AND vip", "compare it"),
        ("store IS TRUE", "compare it"),
        ("orders IS FALSE", "compare it"),
        ("orders IS 5", "After IS"),
        ("orders IS store", "After IS"),
        ("orders IS 'NOT' NULL", "After IS"),
        ("orders IS", "After IS"),
        ("vip IS NOT DISTINCT FROM TRUE", "IS NULL AND"),
        ("1 < orders < 3", "Two comparisons"),
        ("orders = 1 = vip", "Two comparisons"),
        ("orders = 1 IS NULL", "Two comparisons"),
        ("orders IS NULL = vip", "Two comparisons"),
        ("orders IN (1) IS NULL", "Two comparisons"),
        ("orders BETWEEN 1 AND 2 BETWEEN 3 AND 4", "Two comparisons"),
        ("orders IN (1) + 2", "cannot follow"),
        ("vip = NOT vip", "parentheses around NOT"),
        ("orders BETWEEN NOT vip AND 3", "parentheses around NOT"),
        ("orders BETWEEN 1 AND NOT vip", "parentheses around NOT"),
        ("- NOT vip", "parentheses around NOT"),
        ("orders BETWEEN 1", "BETWEEN needs AND"),
        ("orders BETWEEN 1 OR 2", "BETWEEN needs AND"),
        ("(orders BETWEEN 1) AND 2", "BETWEEN needs AND"),
        ("orders NOT 5", "Only IN or BETWEEN"),
        ("orders NOT = 5", "Only IN or BETWEEN"),
        ("store NOT LIKE 'x%'", "starts_with"),
        ("store LIKE 'x%'", "starts_with"),
        ("store ILIKE 'x%'", "starts_with"),
        ("orders IN ()", "at least one"),
        ("orders IN (1,)", "at least one"),
        ("orders IN (1 2)", "commas"),
        ("orders IN (1 + 1)", "commas"),
        ("orders IN (recency_days)", "literals"),
        ("orders IN ((1))", "literals"),
        ("orders IN (- -1)", "literals"),
        ("orders IN (SELECT 1)", "subqueries"),
        ("orders IN 5", "After IN"),
        ("orders IN length(tags)", "After IN"),
        ("EXISTS (SELECT 1)", "subqueries"),
        ("orders = ANY(tags)", "IN column"),
        ("CASE WHEN vip THEN 1 END = 1", "CASE"),
        ("CAST(orders AS text) = '1'", "Casts"),
        ("orders::text = '1'", "Casts"),
        ("now() > 1", "no clock"),
        ("CURRENT_DATE > 1", "no clock"),
        ("DATE '2020-01-01' > 1", "no dates"),
        ("orders / 2 > 1", "Division"),
        ("orders % 2 = 1", "remainder"),
        ("store || 'x' = 'y'", "joined"),
        ("tags -> 'x'", "JSON"),
        ("tags[1] = 'x'", "look into a list"),
        ("orders == 1", "Write ="),
        ("!vip", "NOT or <>"),
        ("orders !> 1", "NOT or <>"),
        ("orders ~ 'x'", "not part"),
        ("orders & 1 = 1", "not part"),
        ("orders <=> 1", "missing before >"),
        ("orders = +1", "no +"),
        ("orders --comment\n = 1", "no comments"),
        ("orders = 1 --", "no comments"),
        ("orders /* x */ = 1", "no comments"),
        ("orders = 1 # x", "not part"),
        ("orders = 1;", "semicolon"),
        ("orders = 1; DROP TABLE x", "semicolon"),
        ("orders = $1", "not part"),
        ("orders = ?", "not part"),
        ("orders = :x", "not part"),
        ("orders = %(x)s", "remainder"),
        ("orders = @x", "not part"),
        ("orders = {{ 1 }}", "not part"),
        ("t.orders = 1", "name of a column only"),
        ("`orders` = 1", "double quotes"),
        ('"orders = 1', "no end"),
        ("store = 'x", "no end"),
        ('"" = 1', "not empty"),
        ('"abs"(orders) = 1', "no quotes"),
        ("E'\\n' = store", "before the '"),
        ("N'x' = store", "before the '"),
        ("X'1F' = store", "before the '"),
        ("'a' 'b' = store", "side by side"),
        ("orders orders", "side by side"),
        ("orders = 1 vip", "side by side"),
        ("(orders)(orders) = 1", "side by side"),
        ("orders = 0x10", "in digits"),
        ("orders = 1_000", "in digits"),
        ("orders = 10a", "in digits"),
        ("orders = 1.2.3", "in digits"),
        ("orders = 1e", "in digits"),
        ("orders = 9223372036854775808", "2^63"),
        ("orders = -9223372036854775809", "2^63"),
        ("orders -9223372036854775808 = 1", "2^63"),
        ("orders = " + "9" * 400, "2^63"),
        ("spend = 0.00001", "14 digits"),
        ("spend = 123456789012345.5", "14 digits"),
        ("spend = 1e99999999999", "14 digits"),
        ("spend = 1e-9", "14 digits"),
        ("orders =", "too early"),
        ("orders AND", "too early"),
        ("NOT", "too early"),
        ("AND vip", "missing before AND"),
        ("= 1", "missing before ="),
        ("()", "missing before )"),
        ("(vip", "never closed"),
        ("orders IN (1", "never closed"),
        ("vip)", "one ) too many"),
        ("(orders, 1) = 1", "A comma"),
        ("orders, 1", "A comma"),
        ("nowhere(1) = 1", "There is no function"),
        ("lower(store) = 'x'", "There is no function"),
        ("starts_wiht(store, 'x')", "mean starts_with"),
        ("starts_with(store)", "Write starts_with"),
        ("starts_with(orders, 'x')", "Write starts_with"),
        ("starts_with(store, 1)", "Write starts_with"),
        ("contains(tags, 1)", "Write contains"),
        ("contains_any(tags)", "Write contains_any"),
        ("contains_any(tags, store)", "Write contains_any"),
        ("contains_all(tags, NULL)", "Write contains_all"),
        ("length(orders) = 1", "Write length"),
        ("abs() = 1", "Write abs"),
        ("coalesce() = 1", "Write coalesce"),
        ("coalesce(orders, 'x') = 1", "one type"),
        ("vip\u00a0= TRUE", "U+00A0"),
        ("store = \u2018x\u2019", "plain keyboard"),
        ("store \uff1d 'x'", "plain keyboard"),
        ("store = 'a\0b'", "NUL"),
        ("store = '\ud800'", "surrogate"),
    ],
)
def test_what_is_not_a_rule_is_refused_with_a_hint(text: str, word: str):
    assert word in _refusal(text).message


def test_a_refusal_names_line_and_column():
    error = _refusal("recency_days <= 30\n  AND storr = 'x'")
    assert (error.facts["line"], error.facts["column"]) == (2, 7)
    assert "Did you mean store?" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "orders * recency_days > 0",
        "spend * spend > 0",
        "spend * 0.5 > 0",
        "spend * orders * 10 > 0",
        "orders * 10000000000000000 > 0",
        "orders * 1000000000000000 + 1 > 0",
        "coalesce(orders, 1) * abs(orders) > 0",
        "0.01 * 0.001 > 0",
    ],
)
def test_arithmetic_that_could_leave_decimal_38_4_is_refused_by_its_types(text: str):
    assert "34 digits" in _refusal(text).message


@pytest.mark.parametrize(
    "text",
    [
        "orders + recency_days - orders > 0",
        "orders * 10000000000000 + 1 > 0",
        "spend * orders > 0",
        "spend * 10 - 2.5 > orders",
        "0.01 * 0.01 > spend",
        "length(tags) * length(store) > 0",
    ],
)
def test_arithmetic_within_decimal_38_4_is_accepted(text: str):
    assert compile_rule(text, COLUMNS).columns


@pytest.mark.parametrize(
    "text",
    [
        "(" * 33 + "vip" + ")" * 33,
        "NOT " * 33 + "vip",
        "- " * 33 + "orders = 1",
        "NOT (" * 17 + "vip" + ")" * 17,
        "abs(" * 33 + "orders" + ")" * 33 + " = 1",
        "(" * 4000,
        "NOT " * 1000,
        "1" + " + 1" * 100 + " = 1",
        "coalesce(" * 400,
        "orders IN (" + ", ".join(map(str, range(101))) + ")",
        " OR ".join(f"orders = {value}" for value in range(100)),
        "store = '" + "x" * 4096 + "'",
        "store = '" + "客" * 1400 + "'",
        "x" * 10_000_000,
    ],
)
def test_a_rule_too_large_or_too_deep_is_refused(text: str):
    assert "at most" in _refusal(text).message


def test_a_rule_as_large_as_allowed_is_compiled():
    deep = "(" * 31 + "NOT vip" + ")" * 31
    assert compile_rule(deep, COLUMNS).holds({"vip": False}) is True
    wide = " OR ".join(f"orders = {value}" for value in range(64))
    assert compile_rule(wide, COLUMNS).holds({"orders": 63}) is True
    choices = ", ".join(map(str, range(100)))
    assert compile_rule(f"orders IN ({choices})", COLUMNS).holds({"orders": 99}) is True


def test_conditions_nested_in_conditions_stay_small():
    """Each level compares the one below with a column; written naively the source would double at each."""
    text = "vip"
    for _ in range(15):
        text = f"(({text}) IS NULL) = (vip OR vip)"
    rule = compile_rule(text, COLUMNS)
    assert rule.holds({"vip": True}) in {True, False}
    assert len(rule.sql("postgres")) < 10_000
