"""The rule language: one restricted SQL condition, the same on a live event, in PostgreSQL and on DuckDB.

`evaluate` is imported from its own module, because it brings the engines with it.
"""

from keyuan.segments.rules.model import ColumnType, RowsError, RuleError
from keyuan.segments.rules.rows import Table, read_rows
from keyuan.segments.rules.rule import Rule, compile_rule, together

__all__ = ["ColumnType", "RowsError", "Rule", "RuleError", "Table", "compile_rule", "read_rows", "together"]
