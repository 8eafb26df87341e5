"""Every example of the reference page is a rule."""

import re
from pathlib import Path

from keyuan.segments.rules import ColumnType, compile_rule
from keyuan.segments.rules.grammar import CHOICES_MAX, DEPTH_MAX, PARTS_MAX
from keyuan.segments.rules.macros import FUNCTIONS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "rules.md"
COLUMNS = {
    "recency_days": ColumnType.INTEGER,
    "orders_90d": ColumnType.INTEGER,
    "orders_365d": ColumnType.INTEGER,
    "top_categories": ColumnType.TEXTS,
    "vip": ColumnType.BOOLEAN,
    "age_group": ColumnType.TEXT,
    "spend": ColumnType.DECIMAL,
    "store": ColumnType.TEXT,
    "Column Name": ColumnType.INTEGER,
}


def test_every_example_of_the_reference_is_a_rule():
    text = PAGE.read_text(encoding="utf-8")
    examples = [line for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    assert len(examples) > 8
    for example in examples:
        assert compile_rule(example, COLUMNS).columns


def test_the_reference_names_every_function_and_limit():
    text = PAGE.read_text(encoding="utf-8")
    for name in FUNCTIONS:
        assert f"`{name}(" in text
    for limit in (CHOICES_MAX, DEPTH_MAX, PARTS_MAX):
        assert str(limit) in text
