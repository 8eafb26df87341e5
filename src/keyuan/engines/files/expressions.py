"""Tables of files, and of columns in memory, as Ibis expressions on DuckDB.

Deliberately not here: what is asked of them; rooms write the expressions, and have them answered inside `asking`.
Nothing of the internet is loaded, and memory is bounded as in `Files`.
"""

import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import duckdb

from keyuan.engines.files.columns import arrow
from keyuan.engines.files.model import Opened, Table
from keyuan.engines.files.workspace import Files
from keyuan.kernel.errors import EngineError

# Ibis has no type stubs: its tables are handed out as they are.
_ibis: Any = import_module("ibis")
IbisTable = Any


class Expressions(Files):
    """Opened files whose rows can be asked by Ibis; a column `@row` tells the line (CSV, JSON Lines) or row."""

    def __init__(self, *, size_bytes: int = 0) -> None:
        super().__init__(size_bytes=size_bytes)
        self._duckdb.execute("SET autoinstall_known_extensions = false")
        self._duckdb.execute("SET autoload_known_extensions = false")
        self._ibis = _ibis.duckdb.from_connection(self._duckdb)

    def table(self, table: Table, wanted: Iterable[str]) -> tuple[IbisTable, Opened]:
        """Open a file as an expression; of CSV and JSON Lines only the `wanted` columns are there, as text.

        Raises:
            FileError: not there, empty, or not of its format.
        """
        opened = self.open(table, wanted)
        with _older_names():
            return self._ibis.table(table.name), opened

    def columns(self, name: str, columns: Mapping[str, Sequence[object]]) -> IbisTable:
        """Return columns of equal length, from memory, as an expression."""
        self._duckdb.register(name, arrow.table(dict(columns)))
        with _older_names():
            return self._ibis.table(name)

    @contextmanager
    def asking(self) -> Generator[None, None, None]:
        """Let expressions be answered inside; what DuckDB cannot do becomes an error of ours.

        Raises:
            EngineError: out of memory, or DuckDB refuses.
        """
        try:
            with _older_names():
                yield
        except duckdb.Error as error:
            raise EngineError("DuckDB could not answer", kind=type(error).__name__) from error


@contextmanager
def _older_names() -> Generator[None, None, None]:
    """Ibis 12 calls DuckDB 2 by names of version 1, which works and warns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"fetch_\w+\(\) is deprecated", DeprecationWarning)
        yield
