"""Delta tables opened for questions: their files read as Parquet by DuckDB, asked through Ibis.

DuckDB's own Delta extension is not used: it cannot be loaded without a network. The connection sees the files of one
tenant only. Deliberately not here: writing (`delta.py`).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from keyuan.engines.lake.embedded.arrow import arrow_table
from keyuan.engines.lake.model import Columns, Expression, LakeDamagedError, Row, Shape
from keyuan.kernel.errors import EngineError

_ibis: Any = import_module("ibis")
_IBIS = {"int64": "int64", "text": "string", "date": "date"}
_DUCKDB = {"int64": "BIGINT", "text": "VARCHAR", "date": "DATE"}
_LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MiB",
    "threads": 2,
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_DAMAGE = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    duckdb.ConversionException,
)


class DeltaTables:
    """The tables under one folder; not to be shared between threads.

    `files` gives those of a table's newest version, `kept` keeps them from being removed.
    """

    def __init__(
        self,
        folder: Path,
        files: Callable[[Shape], list[str]],
        kept: Callable[[Shape], AbstractContextManager[None]],
    ) -> None:
        self._files, self._kept = files, kept
        self._stack = ExitStack()
        self._known: dict[str, Expression] = {}
        self._connection = _connected(self._stack, folder)

    def table(self, shape: Shape) -> Expression:
        """Return a table as it is now; its files stay until this is closed."""
        known = self._known.get(shape.name)
        if known is None:
            self._stack.enter_context(self._kept(shape))
            known = self._known[shape.name] = self._opened(shape)
        return known

    def _opened(self, shape: Shape) -> Expression:
        files = self._files(shape)
        try:
            self._connection.execute(_made(shape, files))
        except duckdb.Error as error:
            raise _explained(error, shape.name) from error
        return _declared(shape.name, shape.columns)

    def beside(self, name: str, kinds: Mapping[str, str], columns: Columns) -> Expression:
        """Return columns from memory as a table beside those of the lake."""
        self._connection.register(name, arrow_table(kinds, columns))
        return _declared(name, kinds)

    def rows(self, expression: Expression) -> list[Row]:
        """Return the rows of an expression."""
        statement = str(_ibis.to_sql(expression, dialect="duckdb"))
        try:
            return self._connection.execute(statement).fetchall()
        except duckdb.Error as error:
            raise _explained(error, ", ".join(self._known)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _declared(name: str, kinds: Mapping[str, str]) -> Expression:
    return _ibis.table({column: _IBIS[kind] for column, kind in kinds.items()}, name=name)


def _explained(error: duckdb.Error, tables: str) -> LakeDamagedError | EngineError:
    kind = type(error).__name__
    if isinstance(error, _DAMAGE):
        return LakeDamagedError(table=tables, kind=kind)
    return EngineError("DuckDB could not answer", kind=kind)


def _made(shape: Shape, files: list[str]) -> str:
    """Return the statement that makes a table of files; of none it is empty."""
    columns = ", ".join(f'"{name}" {_DUCKDB[kind]}' for name, kind in shape.columns.items())
    if not files:
        return f'CREATE TEMP TABLE "{shape.name}" ({columns})'
    names = ", ".join(f'"{name}"' for name in shape.columns)
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f'CREATE TEMP VIEW "{shape.name}" AS SELECT {names} FROM read_parquet([{listed}])'


def _connected(stack: ExitStack, folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_LIMITS)
    stack.callback(connection.close)
    connection.execute("SET allowed_directories = [$folder]", {"folder": str(folder.resolve())})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
