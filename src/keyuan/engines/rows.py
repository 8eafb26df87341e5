"""Boolean SQL expressions over rows held in memory, on DuckDB in process and on PostgreSQL.

Deliberately not here: where expressions come from (`segments.rules` writes them, nobody else's text gets here) and
any table that outlives a question. Both take a batch: all expressions are asked of all rows at once. DuckDB and Arrow
are loaded by the first who asks them: they take tens of megabytes and start threads, and a server never asks.
Units: `columns` maps a SQL name to one of `KINDS`; rows are tuples in that order; an answer has one tuple a row, with
one true, false or None for each expression.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from importlib import import_module
from typing import Any, cast

from keyuan.engines.database.session import Session
from keyuan.kernel.errors import EngineError

Answer = list[tuple[bool | None, ...]]

KINDS = frozenset({"boolean", "int8", "numeric", "text", "text[]"})
_ORDINAL = "ordinal"
_LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "1024MiB",
    "threads": 2,
    "temp_directory": "",
}


def duckdb_answers(expressions: Sequence[str], columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> Answer:
    """Ask DuckDB.

    Raises:
        EngineError: DuckDB failed, which for a checked expression is a defect or a lack of memory.
    """
    import duckdb  # noqa: PLC0415  # see above

    try:
        with duckdb.connect(":memory:", config=_LIMITS) as connection:
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            connection.register("asked", _arrow_table(columns, rows))
            return connection.execute(_question(expressions, "asked")).fetchall()
    except duckdb.Error as failure:
        raise EngineError("DuckDB could not answer a rule.") from failure


def _arrow_table(columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> Any:
    arrow: Any = import_module("pyarrow")  # it has no type stubs; what it makes is only handed to DuckDB
    types = {
        "boolean": arrow.bool_(),
        "int8": arrow.int64(),
        "numeric": arrow.decimal128(18, 4),
        "text": arrow.string(),
        "text[]": arrow.list_(arrow.string()),
    }
    arrays = [arrow.array([row[at] for row in rows], types[kind]) for at, kind in enumerate(columns.values())]
    ordinals = arrow.array(range(len(rows)), arrow.int64())
    return arrow.Table.from_arrays([ordinals, *arrays], names=[_ORDINAL, *columns])


def postgres_answers(
    session: Session, expressions: Sequence[str], columns: Mapping[str, str], rows: Sequence[Sequence[object]]
) -> Answer:
    """Ask PostgreSQL, through a temporary table of the session; one table for each layout of columns."""
    layout = ",".join(f"{name} {kind}" for name, kind in columns.items())
    staged = f"asked_{sha256(layout.encode()).hexdigest()[:16]}"
    session.stage(staged, {_ORDINAL: "int8", **columns}, _numbered(rows))
    # The session passes parameters, so % would announce one.
    return session.rows(_question(expressions, f"pg_temp.{staged}").replace("%", "%%"))


def _numbered(rows: Sequence[Sequence[object]]) -> Iterator[tuple[object, ...]]:
    """Put the ordinal first; PostgreSQL arrays are made of lists."""
    for ordinal, row in enumerate(rows):
        yield (ordinal, *(list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value for value in row))


def _question(expressions: Sequence[str], table: str) -> str:
    return f"SELECT {', '.join(expressions)} FROM {table} ORDER BY {_ORDINAL}"
