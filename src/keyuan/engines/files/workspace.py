"""Files opened together in one DuckDB that lives in memory and spills to a folder of its own.

Deliberately not here: what the columns mean (`events.mapping`). Memory is bounded: what a sort or a text file needs
beyond `MEMORY_MB_MAX` goes to disk, and rows leave in chunks.
"""

import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, cast

import duckdb

from keyuan.engines.files.columns import Batch, arrow, as_list
from keyuan.engines.files.model import Chunk, FileError, Opened, Reject, Selection, Table
from keyuan.engines.files.query import KEY, ROW, literal, quoted, rows_query, uneven_query
from keyuan.engines.files.text_tables import load_text

MEMORY_MB_MIN, MEMORY_MB_MAX = 96, 512
MEMORY_PER_BYTE = 2
CHUNK_ROWS = 16_384
_GLOB = set("*?[")


class Files:
    """The opened files of one import; `size_bytes` of them together say how much memory their sorting may take."""

    def __init__(self, *, size_bytes: int = 0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="keyuan-files-")
        self._types: dict[tuple[str, str], str] = {}
        self._mended = 0
        memory_mb = min(max(MEMORY_MB_MIN, MEMORY_PER_BYTE * size_bytes // 1_000_000), MEMORY_MB_MAX)
        # One thread: half the memory, the other core is PostgreSQL's, and rows come in one order.
        self._duckdb = duckdb.connect(
            config={
                "threads": 1,
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": self._folder.name,
                "preserve_insertion_order": False,  # every row has its number, and every query its order
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and delete what was spilled."""
        self._duckdb.close()
        self._folder.cleanup()

    def open(self, table: Table, wanted: Iterable[str]) -> Opened:
        """Open a file; of CSV and JSON Lines only the `wanted` columns are kept, all as text.

        Raises:
            FileError: not there, empty, or not of its format.
        """
        path = table.path
        if not path.is_file():
            raise FileError(f"There is no file {path}.")
        if path.stat().st_size == 0:
            raise FileError(f"{path.name} is empty.")
        rejects: list[Reject] = []
        try:
            if table.format == "parquet":
                self._open_parquet(table)
                columns = self._described(table.name)
            else:
                columns = load_text(self._duckdb, table, sorted(set(wanted)), rejects)
            rows = self._number(f"SELECT count(*) FROM {quoted(table.name)}")
        except FileError as error:
            raise FileError(f"{path.name}: {error.message}") from None
        except duckdb.Error as error:
            raise FileError(f"{path.name} cannot be read as {table.format}: {_first_line(error)}") from None
        self._types |= {(table.name, column): kind for column, kind in columns.items()}
        return Opened(columns, rows, rejects)

    def repeated_key(self, table: str, columns: Iterable[str]) -> str | None:
        """Return a key that stands more than once in a file, or None; a lookup by it would double rows."""
        keys = ", ".join(map(quoted, columns))
        found = self._duckdb.sql(
            f"SELECT concat_ws(', ', {keys}) FROM {quoted(table)} GROUP BY {keys}"
            f" HAVING count(*) > 1 AND count(concat({keys})) > 0 ORDER BY ALL LIMIT 1"
        ).fetchall()
        return str(found[0][0]) if found else None

    def count(self, selection: Selection) -> int:
        """Return how many rows or groups a selection has; rows without a key count one by one."""
        if selection.group_by is None:
            return self._number(f"SELECT count(*) FROM {quoted(selection.table)}")
        key = quoted(selection.group_by)
        spare = "max(CASE WHEN key IS NULL THEN 1 ELSE 0 END)" if selection.one_each else "count(*) - count(key)"
        keys = f"SELECT {key} AS key FROM {quoted(selection.table)}"
        return self._number(f"SELECT count(DISTINCT key) + coalesce({spare}, 0) FROM ({keys})")

    def chunks(self, selection: Selection) -> Iterator[Chunk]:
        """Yield the rows of a selection in the order of time, key and place; rows of one key never apart.

        Raises:
            FileError: a column's type does not allow what is asked of it.
        """
        session = self._duckdb.cursor()
        try:
            zone = "UTC" if isinstance(selection.time, int) else selection.time.zone
            session.execute(f"SET TimeZone = {literal(zone)}")
            mended = self._mend(session, selection)
            reader = session.sql(rows_query(selection, self._types, mended=mended)).to_arrow_reader(CHUNK_ROWS)
            rest: Batch | None = None
            for batch in cast("Iterable[Batch]", reader):
                whole, rest = _cut(_joined(rest, batch), grouped=selection.group_by is not None)
                if whole.num_rows:
                    yield _chunk(whole)
            if rest is not None and rest.num_rows:
                yield _chunk(rest)
        except (duckdb.Error, OSError) as error:  # Arrow hands DuckDB's errors on as its own
            raise FileError(f"{selection.table} cannot be read so: {_first_line(error)}") from None
        finally:
            session.close()

    def _open_parquet(self, table: Table) -> None:
        if _GLOB & set(str(table.path)):
            raise FileError("the name of a Parquet file or its folder must not hold *, ? or [; rename it.")
        source = f"read_parquet({literal(str(table.path))}, file_row_number = true)"
        self._duckdb.execute(
            f"CREATE VIEW {quoted(table.name)} AS"
            f" SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS {quoted(ROW)} FROM {source}"
        )

    def _mend(self, session: duckdb.DuckDBPyConnection, selection: Selection) -> str | None:
        """Put groups whose rows do not agree into a table; return its name when there are any."""
        if selection.group_by is None or selection.one_each:
            return None
        self._mended += 1
        name = f"@mended {self._mended}"
        session.execute(f"CREATE TABLE {quoted(name)} AS {uneven_query(selection, self._types)}")
        return name if session.sql(f"SELECT 1 FROM {quoted(name)} LIMIT 1").fetchall() else None

    def _described(self, name: str) -> dict[str, str]:
        rows = self._duckdb.sql(f"DESCRIBE SELECT * FROM {quoted(name)}").fetchall()
        return {column: kind for column, kind, *_ in rows if column != ROW}

    def _number(self, query: str) -> int:
        return int(self._duckdb.sql(query).fetchall()[0][0])


def _joined(rest: Batch | None, batch: Batch) -> Batch:
    return batch if rest is None or rest.num_rows == 0 else arrow.concat_batches([rest, batch])


def _cut(batch: Batch, *, grouped: bool) -> tuple[Batch, Batch]:
    """Cut before the last group, which may go on in the next batch."""
    if not grouped:
        return batch, batch.slice(batch.num_rows)
    keys = as_list(batch.column(KEY))
    cut = len(keys)
    while cut > 0 and keys[cut - 1] == keys[-1]:
        cut -= 1
    return batch.slice(0, cut), batch.slice(cut)


def _chunk(batch: Batch) -> Chunk:
    time, row, uneven, key, *columns = batch.columns
    return Chunk(
        time_us=cast("list[int | None]", as_list(time)),
        row=cast("list[int]", as_list(row)),
        uneven=None if uneven.null_count == len(uneven) else cast("list[str | None]", as_list(uneven)),
        key=None if key.null_count == len(key) else as_list(key),
        columns=[as_list(column) for column in columns],
    )


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
