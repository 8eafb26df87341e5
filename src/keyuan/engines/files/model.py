"""What can be asked of files, and what comes back: plain values, so that no room ever sees a driver.

Units: `time_us` are integer microseconds since the Unix epoch; rows and lines are counted from 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

from keyuan.kernel.errors import InputError

Value = None | str | int | float | bool | Decimal | datetime | date
Format = Literal["parquet", "csv", "jsonl"]


class FileError(InputError):
    """A file cannot be read as what it is said to be."""


class Reject(NamedTuple):
    """A line that is not a row: where it stands, why, and its text as far as it can be shown."""

    line: int
    why: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One file of rows. `encoding` and `delimiter` are for CSV (and `encoding` for JSON Lines)."""

    name: str
    path: Path
    format: Format
    encoding: str = "utf-8"
    delimiter: str = ","


class Opened(NamedTuple):
    """An opened file: its columns with DuckDB's type names, its number of rows, and the lines left out."""

    columns: Mapping[str, str]
    rows: int
    rejects: Sequence[Reject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A file in which each key stands once; `on` are pairs of (column of the main file, column of the lookup)."""

    table: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeColumn:
    """How a time is read: text, a date or a timestamp; or a number of `unit` since the Unix epoch.

    `zone` is meant by a time that names none; `pattern` is a strptime pattern for text in no common form.
    """

    column: tuple[str, str]
    zone: str = "UTC"
    pattern: str | None = None
    unit: Literal["s", "ms", "us"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Rows of one file, with columns looked up in others, in the order of their time.

    Columns are pairs of (table, column). `group_by`: rows of one key come together, at the time of the first;
    `even` columns must then be the same in all rows of a key. `one_each`: one row for each key.
    A number as `time` is an instant in microseconds for all rows.
    """

    table: str
    time: TimeColumn | int
    columns: tuple[tuple[str, str], ...]
    lookups: tuple[Lookup, ...] = ()
    group_by: str | None = None
    even: tuple[tuple[str, str], ...] = ()
    one_each: bool = False


class Chunk(NamedTuple):
    """Some thousand rows, column by column; the rows of one group are never in two chunks.

    `columns` are in the order of the selection; `time_us` is None where a time cannot be read; `uneven` names
    the column in which the rows of a group differ (None for the chunk: nowhere).
    """

    time_us: Sequence[int | None]
    row: Sequence[int]
    uneven: Sequence[str | None] | None
    key: Sequence[Value] | None
    columns: Sequence[Sequence[Value]]
