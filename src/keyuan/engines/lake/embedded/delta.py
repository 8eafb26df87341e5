"""Delta tables in a folder, `<tenant>/<table>`; the position of a table's reader is its Delta transaction version.

The position is looked at before anything is written: the library itself takes a repeated version. No statistics of
columns are kept, so no value of a row stands in the log of a table. What is deleted leaves the old versions too: their
files and the log that names them are removed.
Deliberately not here: reading (`tables.py`).
"""

from collections.abc import Collection, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

import deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from keyuan.engines.lake.embedded.arrow import arrow_schema, arrow_table
from keyuan.engines.lake.embedded.locks import reading, removing, writing
from keyuan.engines.lake.model import (
    Columns,
    LakeDamagedError,
    LakeMovedError,
    LakeShapeError,
    Shape,
    Span,
    Step,
    Tables,
)
from keyuan.kernel.errors import EngineError

_Value = TypeVar("_Value")

_DELTA: Final = {"int64": "long", "text": "string", "date": "date"}
_OPTIONS: Final = {
    "delta.dataSkippingNumIndexedCols": "0",
    "delta.logRetentionDuration": "interval 0 seconds",
    "delta.deletedFileRetentionDuration": "interval 0 seconds",
    "delta.checkpointInterval": "50",
}
_FILES_MAX: Final = 50
"""More files than that are put together; each append makes one."""
_CHUNK: Final = 1_000
"""Numbers in one condition."""


class DeltaLake:
    """The tables of all tenants under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def position(self, tenant: int, shape: Shape) -> int:
        """Return how far the table's reader has come."""
        table = _open(self.place(tenant, shape))
        return 0 if table is None else _position(table, shape)

    def version(self, tenant: int, shape: Shape) -> int:
        """Return the number of the newest commit."""
        table = _open(self.place(tenant, shape))
        return -1 if table is None else table.version()

    def append(self, tenant: int, shape: Shape, columns: Columns, step: Step) -> None:
        """Add rows and move the position in one commit; a table with many small files is put together."""
        data = arrow_table(shape.columns, columns)
        folder = self.place(tenant, shape)
        with writing(folder), _written():
            table = _open(folder) or _create(folder, shape)
            _check(table, shape)
            if (found := _position(table, shape)) != step.after:
                raise LakeMovedError(table=shape.name, position=found)
            moved = deltalake.CommitProperties(app_transactions=[deltalake.Transaction(shape.reader, step.upto)])
            deltalake.write_deltalake(table, data, mode="append", commit_properties=moved)
            if len(table.file_uris()) > _FILES_MAX:
                table.optimize.compact()
                _remove_old(table, folder)

    def delete(self, tenant: int, shape: Shape, column: str, numbers: Collection[int]) -> int:
        """Take rows out of every version."""
        wanted = [f"{_word(shape, column)} IN ({', '.join(map(str, chunk))})" for chunk in _chunks(sorted(numbers))]
        with self._changing(tenant, shape) as table:
            return 0 if table is None else sum(table.delete(each)["num_deleted_rows"] for each in wanted)

    def unlink(self, tenant: int, shape: Shape, column: str, spans: Collection[Span]) -> int:
        """Put NULL in place of numbers, in every version."""
        name = _word(shape, column)
        wanted = [" OR ".join(_condition(name, span) for span in chunk) for chunk in _chunks(list(spans))]
        with self._changing(tenant, shape) as table:
            if table is None:
                return 0
            return sum(table.update(predicate=each, updates={name: "NULL"})["num_updated_rows"] for each in wanted)

    @contextmanager
    def _changing(self, tenant: int, shape: Shape) -> Generator[deltalake.DeltaTable | None, None, None]:
        """Change rows, then remove what still holds them; None if there is no table."""
        folder = self.place(tenant, shape)
        with writing(folder), _written():
            table = _open(folder)
            yield table
            if table is not None:
                _remove_old(table, folder)

    @contextmanager
    def open(self, tenant: int) -> Generator[Tables, None, None]:
        """Open the tables of a tenant for questions."""
        from keyuan.engines.lake.embedded.tables import DeltaTables  # noqa: PLC0415  # Ibis takes long to import

        files, kept = partial(self._files, tenant), partial(self._kept, tenant)
        with DeltaTables(self._folder / str(tenant), files, kept) as tables:
            yield tables

    def place(self, tenant: int, shape: Shape) -> Path:
        """Return the folder of a table, which is made if it is not there; nobody else may look into the lake."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._folder / str(tenant) / shape.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _kept(self, tenant: int, shape: Shape) -> AbstractContextManager[None]:
        return reading(self.place(tenant, shape))

    def _files(self, tenant: int, shape: Shape) -> list[str]:
        place = self.place(tenant, shape)
        table = _open(place)
        if table is None:
            return []
        _check(table, shape)
        # As addresses they are escaped (a space in a folder's name, say); all of them lie in this one folder.
        return [str(place.resolve() / PurePosixPath(address).name) for address in table.file_uris()]


def _open(folder: Path) -> deltalake.DeltaTable | None:
    if not (folder / "_delta_log").is_dir():
        return None
    try:
        return deltalake.DeltaTable(folder)
    except TableNotFoundError:
        return None  # killed before the first commit
    except (DeltaError, OSError, ValueError) as error:
        raise LakeDamagedError(table=folder.name, kind=type(error).__name__) from error


def _create(folder: Path, shape: Shape) -> deltalake.DeltaTable:
    return deltalake.DeltaTable.create(folder, arrow_schema(shape.columns), configuration=_OPTIONS)


def _check(table: deltalake.DeltaTable, shape: Shape) -> None:
    found = {field.name: getattr(field.type, "type", None) for field in table.schema().fields}
    if found != {name: _DELTA[kind] for name, kind in shape.columns.items()}:
        raise LakeShapeError(table=shape.name, columns=", ".join(found))


def _position(table: deltalake.DeltaTable, shape: Shape) -> int:
    return table.transaction_version(shape.reader) or 0


def _remove_old(table: deltalake.DeltaTable, folder: Path) -> None:
    """Leave only the newest version: its files, and a checkpoint of the log."""
    with removing(folder):
        table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)
        table.create_checkpoint()
        table.cleanup_metadata()


@contextmanager
def _written() -> Generator[None, None, None]:
    try:
        yield
    except CommitFailedError as error:
        raise LakeMovedError from error
    except (DeltaError, OSError) as error:
        raise EngineError("the lake could not be written", kind=type(error).__name__) from error


def _word(shape: Shape, column: str) -> str:
    """Return the name of a column of whole numbers; nothing else gets into a condition."""
    if shape.columns.get(column) != "int64":
        raise AssertionError(f"{shape.name}.{column} is no column of whole numbers")
    return column


def _condition(column: str, span: Span) -> str:
    parts = [f"{column} = {span.number:d}"]
    if span.from_us is not None:
        parts.append(f"at_us >= {span.from_us:d}")
    if span.until_us is not None:
        parts.append(f"at_us < {span.until_us:d}")
    return f"({' AND '.join(parts)})"


def _chunks(values: list[_Value]) -> Iterator[list[_Value]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
