"""Files of rows: Parquet, CSV and JSON Lines, opened, joined and put in order by DuckDB."""

from keyuan.engines.files.locate import file_digest, format_of, locate
from keyuan.engines.files.model import (
    Chunk,
    FileError,
    Lookup,
    Opened,
    Reject,
    Selection,
    Table,
    TimeColumn,
    Value,
)
from keyuan.engines.files.workspace import Files

__all__ = [
    "Chunk",
    "FileError",
    "Files",
    "Lookup",
    "Opened",
    "Reject",
    "Selection",
    "Table",
    "TimeColumn",
    "Value",
    "file_digest",
    "format_of",
    "locate",
]
