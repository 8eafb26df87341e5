"""CSV and JSON Lines, loaded into DuckDB as text; lines that are not rows are set aside.

Deliberately not here: types. Only the columns that are wanted are kept.
"""

from collections.abc import Iterator
from typing import BinaryIO

import duckdb

from keyuan.engines.files.columns import arrow
from keyuan.engines.files.csv_lines import read_csv
from keyuan.engines.files.json_lines import read_json_lines
from keyuan.engines.files.model import FileError, Reject, Table
from keyuan.engines.files.query import ROW, quoted

REJECTS_MAX = 10_000
BATCH_ROWS = 8_192

_TextRow = tuple[int | str | None, ...]


def load_text(
    connection: duckdb.DuckDBPyConnection, table: Table, names: list[str], rejects: list[Reject]
) -> dict[str, str]:
    """Load the named columns of a file; return all columns it has.

    Raises:
        FileError: no header, or more than `REJECTS_MAX` broken lines: then it is some other kind of file.
    """
    columns = ", ".join([f"{quoted(ROW)} BIGINT", *(f"{quoted(name)} VARCHAR" for name in names)])
    connection.execute(f"CREATE TABLE {quoted(table.name)} ({columns})")
    seen: dict[str, None] = {}
    batch: list[_TextRow] = []
    with table.path.open("rb") as file:
        for row in _csv_rows(file, table, names, seen) if table.format == "csv" else _json_rows(file, names, seen):
            if isinstance(row, Reject):
                rejects.append(row)
                if len(rejects) > REJECTS_MAX:
                    raise FileError(f"more than {REJECTS_MAX} lines are broken; the first is line {rejects[0].line}.")
                continue
            batch.append(row)
            if len(batch) >= BATCH_ROWS:
                _insert(connection, table.name, names, batch)
                batch = []
    _insert(connection, table.name, names, batch)
    return dict.fromkeys(seen, "VARCHAR")


def _insert(connection: duckdb.DuckDBPyConnection, name: str, names: list[str], rows: list[_TextRow]) -> None:
    if not rows:
        return
    numbers, *texts = zip(*rows, strict=True)
    arrays = [arrow.array(numbers, arrow.int64()), *(arrow.array(column, arrow.string()) for column in texts)]
    connection.register("incoming", arrow.Table.from_arrays(arrays, names=[ROW, *names]))
    connection.execute(f"INSERT INTO {quoted(name)} SELECT * FROM incoming")
    connection.unregister("incoming")


def _csv_rows(file: BinaryIO, table: Table, names: list[str], seen: dict[str, None]) -> Iterator[_TextRow | Reject]:
    """Yield the wanted fields of each record, or a reject; put the header into `seen`."""
    places: list[int] = []
    for record in read_csv(file, table.encoding, table.delimiter):
        if isinstance(record, list):
            seen.update(dict.fromkeys(record))
            # A column that the header does not have is read from the extra place behind the last field.
            places = [record.index(name) if name in seen else len(record) for name in names]
        elif isinstance(record, Reject):
            yield record
        else:
            line, fields = record
            fields.append(None)
            yield (line, *map(fields.__getitem__, places))


def _json_rows(file: BinaryIO, names: list[str], seen: dict[str, None]) -> Iterator[_TextRow | Reject]:
    for record in read_json_lines(file):
        if isinstance(record, Reject):
            yield record
        else:
            line, row = record
            seen.update(dict.fromkeys(row))
            yield (line, *map(row.get, names))
