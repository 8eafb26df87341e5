"""What an import will read: the files that a mapping names, found, opened and put in one order.

Deliberately not here: the database (`import_file.py`).
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from collections.abc import Mapping as Dict
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import msgspec

from keyuan.engines.files import FileError, Files, Opened, Table, file_digest, format_of, locate
from keyuan.events.mapping import (
    Dated,
    Made,
    Mapping,
    MappingError,
    columns_wanted,
    dates_of,
    events_of,
    lookups_of,
    merged,
    parse_mapping,
    plan_source,
    refused_lines,
    unused_columns,
)
from keyuan.kernel.digest import sha256

VERSION = b"1"
"""Part of the fingerprint: when the same files come to give other events, this changes and imports start afresh."""

Where = Path | Sequence[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The opened files of an import: their events in order, how many there are, and the columns nobody asks for."""

    stream: Callable[[], Iterator[Made]]
    total: int
    unused: Dict[str, list[str]]


def shipped_mapping(name: str) -> Mapping:
    """Return a mapping that comes with Keyuan: `complete_journey`."""
    return parse_mapping(resources.files("keyuan.flows").joinpath("maps", f"{name}.toml").read_text(encoding="utf-8"))


def rows_total(mapping: Mapping, where: Where) -> int:
    """Return how many events (and lines that make none) an import has to take, for a progress bar."""
    with import_plan(mapping, where) as ready:
        return ready.total


@contextmanager
def import_plan(mapping: Mapping, where: Where) -> Generator[Ready]:
    """Open the files of an import and yield what is in them, without a database.

    Raises:
        MappingError: the mapping names what the files do not have.
        FileError: a file is missing, empty or not of its format.
    """
    with opened_tables(mapping, find_tables(mapping, where)) as ready:
        yield ready


def fingerprint(mapping: Mapping, tables: Sequence[Table]) -> str:
    """Return what tells an import from every other: the mapping and the content of its files."""
    parts = [part for table in tables for part in (table.name.encode(), file_digest(table.path))]
    return sha256(VERSION, msgspec.json.encode(mapping, order="deterministic"), *parts).hex()


def find_tables(mapping: Mapping, where: Where) -> list[Table]:
    """Return the files that the mapping names, found on disk."""
    asked: dict[str, tuple[str, str]] = {}
    for source in mapping.source:
        for named in (source, *source.join):
            how = (named.encoding, named.delimiter)
            if asked.setdefault(named.file, how) != how:
                raise MappingError(f"The file {named.file} is given with two encodings or delimiters.")
    tables: list[Table] = []
    for name, (encoding, delimiter) in asked.items():
        path = locate(name, where, only_one=len(asked) == 1)
        between = "\t" if path.suffix.lower() == ".tsv" and delimiter == "," else delimiter
        tables.append(Table(name=name, path=path, format=format_of(path), encoding=encoding, delimiter=between))
    return tables


@contextmanager
def opened_tables(mapping: Mapping, tables: Sequence[Table]) -> Generator[Ready]:
    """Open files, hold the mapping against their columns, and yield what is in them.

    Raises:
        MappingError: the mapping names what the files do not have.
        FileError: a file is empty or not of its format.
    """
    wanted = columns_wanted(mapping)
    with Files(size_bytes=sum(table.path.stat().st_size for table in tables)) as files:
        opened = {table.name: files.open(table, wanted[table.name]) for table in tables}
        columns = {name: each.columns for name, each in opened.items()}
        plans = [plan_source(mapping, rank, columns) for rank in range(len(mapping.source))]
        _refuse_repeated_keys(files, mapping)
        dates = mapping.dates if isinstance(mapping, Dated) else ()
        total = sum(files.count(plan.selection) for plan in plans) + sum(len(each.rejects) for each in opened.values())
        if total == 0:
            raise FileError(f"There are no rows to import in {', '.join(table.path.name for table in tables)}.")

        def stream() -> Iterator[Made]:
            sources = [events_of(plan, files.chunks(plan.selection)) for plan in plans]
            return merged([*_rejected(opened), dates_of(dates), *sources])

        yield Ready(stream=stream, total=total + len(dates), unused=unused_columns(mapping, columns))


def _rejected(opened: Dict[str, Opened]) -> list[Iterator[Made]]:
    """Return the lines that are not rows; their ranks are below those of all sources."""
    return [refused_lines(name, rank - len(opened), each.rejects) for rank, (name, each) in enumerate(opened.items())]


def _refuse_repeated_keys(files: Files, mapping: Mapping) -> None:
    """A lookup that finds two rows would double what is looked up for."""
    for table, keys in lookups_of(mapping).items():
        for key in sorted(keys):
            if (found := files.repeated_key(table, key)) is not None:
                raise MappingError(f"{table} holds {', '.join(key)} = {found} more than once; a lookup must be unique.")
