"""Rules over rows, on the engine of one's choice, with the same answers on each.

Deliberately not here: reading rows and compiling rules; both are done, and may have been refused, before an engine is
chosen. This module brings the engines with it; whoever only asks the closure imports `rule`.
"""

from collections.abc import Sequence

from keyuan.engines.database.session import Session
from keyuan.engines.rows import Answer, duckdb_answers, postgres_answers
from keyuan.kernel.errors import InputError
from keyuan.segments.rules.model import ColumnType
from keyuan.segments.rules.rows import Table
from keyuan.segments.rules.rule import Rule

ENGINES = ("closure", "postgres", "duckdb")
# PostgreSQL selects at most 1,664 expressions at once.
_RULES_AT_ONCE = 200

_KINDS = {
    ColumnType.BOOLEAN: "boolean",
    ColumnType.INTEGER: "int8",
    ColumnType.DECIMAL: "numeric",
    ColumnType.TEXT: "text",
    ColumnType.TEXTS: "text[]",
}


def evaluate(rule: Rule, table: Table, engine: str, session: Session | None = None) -> list[bool | None]:
    """Answer one rule: true, false or None (NULL) for each row, in their order.

    Args:
        rule: compiled for the columns of the table.
        table: the rows.
        engine: one of `ENGINES`.
        session: an open transaction; `postgres` needs one.
    """
    return evaluate_all([rule], table, engine, session)[0]


def evaluate_all(
    rules: Sequence[Rule], table: Table, engine: str, session: Session | None = None
) -> list[list[bool | None]]:
    """Answer many rules over the same rows; one list for each rule."""
    if engine not in ENGINES:
        raise InputError(f"There is no engine {engine}; there are {', '.join(ENGINES)}.")
    if engine == "closure":
        names = tuple(table.columns)
        return [list(map(rule.matcher(names), table.rows)) for rule in rules]
    answers: list[list[bool | None]] = []
    for start in range(0, len(rules), _RULES_AT_ONCE):
        some = rules[start : start + _RULES_AT_ONCE]
        found = _asked(some, table, engine, session)
        answers += [[row[place] for row in found] for place in range(len(some))]
    return answers


def _asked(rules: Sequence[Rule], table: Table, engine: str, session: Session | None) -> Answer:
    """Ask an engine with short names of our own: no engine then cuts, folds or confuses the names of columns."""
    used = {name for rule in rules for name in rule.columns}
    places = [
        (place, name, kind)
        for place, (name, kind) in enumerate(table.columns.items())
        if name in used and kind is not ColumnType.UNKNOWN
    ]
    short = {name: f"c{place}" for place, name, _ in places}
    columns = {short[name]: _KINDS[kind] for _, name, kind in places}
    rows = [tuple(row[place] for place, _, _ in places) for row in table.rows]
    expressions = [rule.sql(engine, short) for rule in rules]
    if engine == "duckdb":
        return duckdb_answers(expressions, columns, rows)
    if session is None:
        raise InputError("The engine postgres needs a running database; start keyuan up.")
    return postgres_answers(session, expressions, columns, rows)
