"""DuckDB in memory, for set-based questions over Arrow tables.

Deliberately not here: any table that outlives a question, and files: external access is switched off, so that a
statement reaches only the tables it is given. Nothing is spilled to a disk. DuckDB and Arrow are loaded by the first
who asks something: they take tens of megabytes and start threads, and most processes never ask.
Units: `memory_max_mb` mebibytes. A kind of column is one of `KINDS`.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from types import TracebackType
from typing import Any, NewType, Self

from keyuan.kernel.errors import EngineError

Table = NewType("Table", object)

KINDS = ("int64", "text", "uuid")


@cache
def _arrow() -> Any:
    """Return pyarrow; it has no type stubs: what it gives is looked at here only, and handed out as a `Table`."""
    return import_module("pyarrow")


def _type(kind: str) -> Any:
    arrow = _arrow()
    return {"int64": arrow.int64(), "text": arrow.string(), "uuid": arrow.binary(16)}[kind]


class TableBuilder:
    """An Arrow table that grows by columns; what was added is turned into Arrow every `chunk_rows` rows."""

    def __init__(self, columns: Mapping[str, str], *, chunk_rows: int = 65_536) -> None:
        self._schema: Any = _arrow().schema([(name, _type(kind)) for name, kind in columns.items()])
        self._chunk_rows = chunk_rows
        self._columns: list[list[object]] = [[] for _ in columns]
        self._batches: list[Any] = []

    def add(self, *values: object) -> None:
        """Add one row."""
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)
        self._flush(self._chunk_rows)

    def extend(self, *columns: Sequence[object]) -> None:
        """Add many rows, given as columns of equal length."""
        for column, values in zip(self._columns, columns, strict=True):
            column.extend(values)
        self._flush(self._chunk_rows)

    def table(self) -> Table:
        """Everything added so far."""
        self._flush(1)
        return Table(_arrow().Table.from_batches(self._batches, self._schema))

    def _flush(self, rows_min: int) -> None:
        if len(self._columns[0]) < rows_min:
            return
        arrays = [_arrow().array(column, field.type) for column, field in zip(self._columns, self._schema, strict=True)]
        self._batches.append(_arrow().record_batch(arrays, schema=self._schema))
        for column in self._columns:
            column.clear()


class Analytics:
    """One in-memory DuckDB; not to be shared between threads."""

    def __init__(self, *, memory_max_mb: int = 1024, threads: int = 2) -> None:
        limits: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_max_mb}MiB",
            "threads": threads,
            "temp_directory": "",
        }
        import duckdb  # noqa: PLC0415  # see above

        self._error = duckdb.Error
        self._connection = duckdb.connect(":memory:", config=limits)
        self._connection.execute("SET autoinstall_known_extensions = false")
        self._connection.execute("SET autoload_known_extensions = false")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def rows(self, statement: str, tables: Mapping[str, Table], **params: object) -> list[tuple[Any, ...]]:
        """The rows of one statement; `tables` are its only relations, `$name` its parameters.

        Raises:
            EngineError: DuckDB refuses the statement or runs out of memory.
        """
        try:
            for name, table in tables.items():
                self._connection.register(name, table)
            return self._connection.execute(statement, params or None).fetchall()
        except self._error as error:
            raise EngineError("DuckDB could not answer", kind=type(error).__name__) from error
        finally:
            for name in tables:
                self._connection.unregister(name)

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
