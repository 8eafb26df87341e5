"""A source of the mapping against the files as they are: names become places, or a clear error with near matches.

Deliberately not here: reading rows (`engines.files`) and making events of them (`build.py`).
"""

import difflib
import string
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import NamedTuple

from keyuan.engines.files import Lookup, Selection, TimeColumn
from keyuan.events.mapping.load import fields_of, instant_us
from keyuan.events.mapping.model import Mapping, MappingError, Source

ROW_NUMBER = "@row"
Column = tuple[str, str]
Files = Dict[str, Dict[str, str]]
"""The columns and types of each opened file, by the file's name in the mapping."""
_NESTED = ("STRUCT", "MAP", "UNION", "BLOB", "BIT")


class Piece(NamedTuple):
    """A part of a template: fixed text, or the value of a column (None: no column follows the text)."""

    text: str
    column: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """One source, ready to be read: what to select, and where in the selection each column is."""

    source: Source
    rank: int
    currency: str
    selection: Selection
    places: Dict[str, int]


def templates(source: Source) -> dict[str, list[Piece]]:
    """Return the templates of a source, taken apart, by the member of the event they fill.

    Raises:
        MappingError: braces that do not pair up.
    """
    named = {"messageId": source.message_id, "userId": source.user_id, "anonymousId": source.anonymous_id}
    return {name: _pieces(template) for name, template in named.items() if template is not None}


def columns_wanted(mapping: Mapping) -> dict[str, set[str]]:
    """Return the columns that the mapping names, by file."""
    wanted: dict[str, set[str]] = {}
    for source in mapping.source:
        wanted.setdefault(source.file, set())
        for table, column in [*_named(source), *_keys(source)]:
            wanted.setdefault(table, set()).add(column)
    return wanted


def unused_columns(mapping: Mapping, files: Files) -> dict[str, list[str]]:
    """Return the columns of the files that nothing asks for: a mistake, perhaps."""
    wanted = columns_wanted(mapping)
    unused = {file: sorted(set(columns) - wanted[file]) for file, columns in files.items()}
    return {file: columns for file, columns in unused.items() if columns}


def lookups_of(mapping: Mapping) -> dict[str, set[tuple[str, ...]]]:
    """Return, by lookup file, the key columns that must name each row once."""
    keys: dict[str, set[tuple[str, ...]]] = {}
    for source in mapping.source:
        for lookup in _lookups(source):
            keys.setdefault(lookup.table, set()).add(tuple(column for _, column in lookup.on))
    return keys


def plan_source(mapping: Mapping, rank: int, files: Files) -> SourcePlan:
    """Return the plan of one source.

    Raises:
        MappingError: a column that the file does not have (with near matches), or that holds lists or objects.
    """
    source = mapping.source[rank]
    for column in [*_named(source), *_keys(source)]:
        _known(column, files)
    head, lines = _head(source), _lines(source)
    columns = tuple(dict.fromkeys(_resolve(source, name) for name in [*head, *lines]))
    selection = Selection(
        table=source.file,
        time=_time(mapping, source),
        columns=columns,
        lookups=_lookups(source),
        group_by=source.group_by,
        even=tuple(dict.fromkeys(_resolve(source, name) for name in head)) if source.group_by else (),
        one_each=source.group_by is not None and source.lines is None,
    )
    order = {column: place for place, column in enumerate(columns)}
    places = {name: order[_resolve(source, name)] for name in [*head, *lines]}
    return SourcePlan(source=source, rank=rank, currency=mapping.currency, selection=selection, places=places)


def _pieces(template: str) -> list[Piece]:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise MappingError(f"the template {template!r} is broken: {error}; write {{{{ for a brace.") from None
    if any(name == "" or spec or conversion for _, name, spec, conversion in parts):
        raise MappingError(f"the template {template!r} may hold only names of columns in braces.")
    return [Piece(text, name) for text, name, _, _ in parts]


def _head(source: Source) -> list[str]:
    """Return the columns that speak for an event as a whole."""
    pieces = [piece.column for template in templates(source).values() for piece in template]
    fields = [given.column for given in fields_of(source.fields).values()]
    made_up = [source.made_up.column if source.made_up else None]
    return [name for name in [*pieces, *fields, *made_up] if name is not None and name != ROW_NUMBER]


def _lines(source: Source) -> list[str]:
    """Return the columns that differ from row to row of a group."""
    lines = {} if source.lines is None else fields_of(source.lines.fields)
    sums = [given.sum for given in fields_of(source.fields).values()]
    return [name for name in [*(given.column for given in lines.values()), *sums] if name is not None]


def _named(source: Source) -> Iterable[Column]:
    names = [*_head(source), *_lines(source)]
    if source.time.column is not None:
        names.append(source.time.column)
    return [_resolve(source, name) for name in names]


def _keys(source: Source) -> Iterable[Column]:
    if source.group_by is not None:
        yield source.file, source.group_by
    for lookup in _lookups(source):
        for main, other in lookup.on:
            yield source.file, main
            yield lookup.table, other


def _resolve(source: Source, name: str) -> Column:
    """Return (file, column); `products.brand` is the column `brand` of the joined file `products`."""
    for join in source.join:
        if name.startswith(f"{join.file}."):
            return join.file, name[len(join.file) + 1 :]
    return source.file, name


def _lookups(source: Source) -> tuple[Lookup, ...]:
    return tuple(
        Lookup(table=join.file, on=((join.on, join.on),) if isinstance(join.on, str) else tuple(join.on.items()))
        for join in source.join
    )


def _known(column: Column, files: Files) -> None:
    file, name = column
    kind = files[file].get(name)
    if kind is None:
        near = difflib.get_close_matches(name, files[file], n=3, cutoff=0.6) or sorted(files[file])[:12]
        raise MappingError(f"{file} has no column {name}; it has {', '.join(near)}.")
    if kind.endswith("[]") or kind.startswith(_NESTED):
        raise MappingError(f"{file}: the column {name} holds {kind}; only plain values can be mapped.")


def _time(mapping: Mapping, source: Source) -> TimeColumn | int:
    time = source.time
    zone = time.zone or mapping.zone
    if time.constant is not None:
        return instant_us(time.constant, zone)
    if time.column is None:
        raise MappingError("time needs either column or constant.")
    return TimeColumn(column=_resolve(source, time.column), zone=zone, pattern=time.pattern, unit=time.unit)
