"""Rows from a JSONL file: read strictly, typed by all of them.

Deliberately not here: rules. A file is taken whole or refused: a boolean, an int64, a decimal(18,4), text without
NUL, a list of text, or null; one object a line. Messages name line and column, never a value: rows are about people.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, cast

from keyuan.segments.rules import numbers
from keyuan.segments.rules.model import ColumnType, RowsError

FILE_BYTES_MAX = 64 * 2**20
LINE_BYTES_MAX = 2**20
COLUMNS_MAX = 1_000
CELLS_MAX = 20_000_000
NAME_LENGTH_MAX = 200
LIST_LENGTH_MAX = 10_000

_NUMBERS = {ColumnType.INTEGER, ColumnType.DECIMAL}


@dataclass(frozen=True, slots=True)
class Table:
    """Typed rows: `columns` in order of appearance, each row a tuple in that order with None for null or missing."""

    columns: dict[str, ColumnType]
    rows: list[tuple[Any, ...]]


@dataclass(slots=True)
class _Found:
    """What is known about a column: its place, its type, and the line that first gave it."""

    place: int
    type: ColumnType = ColumnType.UNKNOWN
    line: int = 0
    long_line: int = field(default=0)


class _Refused(Exception):  # noqa: N818  # it only carries a sentence from inside the JSON reader
    """What is wrong inside a line."""


def read_rows(source: Path | bytes) -> Table:
    """Read a JSONL file, or its bytes.

    Raises:
        RowsError: the file holds anything but typed rows; nothing is read by halves.
    """
    body = _bytes(source) if isinstance(source, Path) else source
    reader = _Reader()
    for number, line in _lines(body):
        reader.add(number, line)
    return reader.table()


def _bytes(path: Path) -> bytes:
    """Read a file or a pipe, but never more than a file may hold."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise RowsError(f"There is no file {path}.") from None
    except (OSError, ValueError) as failure:
        raise RowsError(f"{path} cannot be read: {getattr(failure, 'strerror', None) or failure}.") from None


def _lines(body: bytes) -> Iterator[tuple[int, str]]:
    """Split a file at line feeds; the last line may end with one, or with several."""
    if len(body) > FILE_BYTES_MAX:
        raise RowsError(f"A file of rows has at most {FILE_BYTES_MAX} bytes; split it.")
    if body.startswith(b"\xef\xbb\xbf"):
        raise RowsError("The file begins with a byte order mark; save it as UTF-8 without BOM.")
    if not body.strip():
        raise RowsError("The file holds no rows; write one JSON object a line.")
    lines = body.rstrip(b" \t\r\n").split(b"\n")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_BYTES_MAX:
            _refuse(number, f"A row has at most {LINE_BYTES_MAX} bytes.")
        if not line.strip():
            _refuse(number, "This line is blank; take it out, or write {} for a row of nulls.")
        try:
            yield number, line.decode()
        except UnicodeDecodeError:
            _refuse(number, "This line is not UTF-8; save the file as UTF-8.")


def _refuse(line: int, message: str, name: str | None = None) -> NoReturn:
    """Stop with the line and, where one is to blame, the column."""
    if name is None:
        raise RowsError(message, line=line)
    raise RowsError(message, line=line, column=ascii(name)[1:-1][:NAME_LENGTH_MAX] if not name.isprintable() else name)


class _Reader:
    """Rows so far, and what they say about the columns."""

    def __init__(self) -> None:
        self._columns: dict[str, _Found] = {}
        self._rows: list[list[Any]] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_pairs, parse_int=_whole, parse_float=_decimal, parse_constant=_constant
        )

    def add(self, number: int, line: str) -> None:
        """Read one row."""
        row = self._object(number, line)
        values: list[Any] = [None] * len(self._columns)
        for name, value in row.pairs:
            found = self._columns.get(name) or self._new_column(number, name)
            if found.place >= len(values):
                values.extend([None] * (found.place + 1 - len(values)))
            values[found.place] = self._value(number, name, found, value)
        self._rows.append(values)
        if len(self._rows) * len(self._columns) > CELLS_MAX:
            _refuse(number, f"A file has at most {CELLS_MAX} cells (rows times columns); split it.")

    def table(self) -> Table:
        """Give the rows their final shape: whole numbers of a decimal column become decimals."""
        width = len(self._columns)
        decimals = [found.place for found in self._columns.values() if found.type is ColumnType.DECIMAL]
        for name, found in self._columns.items():
            if found.type is ColumnType.DECIMAL and found.long_line:
                message = "This column has decimals, so its numbers have at most 14 digits before the point."
                _refuse(found.long_line, message, name)
        for row in self._rows:
            row.extend([None] * (width - len(row)))
            for place in decimals:
                if row[place] is not None:
                    row[place] = Decimal(row[place])
        return Table({name: found.type for name, found in self._columns.items()}, list(map(tuple, self._rows)))

    def _object(self, number: int, line: str) -> "_Pairs":
        try:
            row = self._decoder.decode(line)
        except json.JSONDecodeError as broken:
            _refuse(number, f"This is not JSON at character {broken.colno}; write one JSON object a line.")
        except _Refused as wrong:
            _refuse(number, str(wrong))
        except RecursionError:
            _refuse(number, "This row nests too deeply; a value is true, false, a number, text or a list of text.")
        if not isinstance(row, _Pairs):
            _refuse(number, 'This row is not an object; write one JSON object a line, like {"orders": 3}.')
        return row

    def _new_column(self, number: int, name: str) -> _Found:
        if len(self._columns) == COLUMNS_MAX:
            _refuse(number, f"A file has at most {COLUMNS_MAX} columns.")
        wrong = "A column needs a name." if not name else _text_fault(name)
        if len(name) > NAME_LENGTH_MAX:
            wrong = f"The name of a column has at most {NAME_LENGTH_MAX} characters."
        if wrong:
            _refuse(number, wrong)
        found = self._columns[name] = _Found(len(self._columns))
        return found

    def _value(self, number: int, name: str, found: _Found, value: object) -> object:
        """Check one value and let it say its part about the type of its column."""
        if value is None:
            return None
        kind, kept = _typed(number, name, value)
        if kind is ColumnType.INTEGER and isinstance(kept, int) and abs(kept) >= 10**numbers.VALUE_DIGITS_MAX:
            found.long_line = found.long_line or number
        if found.type is ColumnType.UNKNOWN:
            found.type, found.line = kind, number
        elif found.type is not kind:
            if {found.type, kind} != _NUMBERS:
                message = f"This is a {kind.value}, but line {found.line} gives a {found.type.value}; use one type."
                _refuse(number, message, name)
            found.type = ColumnType.DECIMAL
        return kept


class _Pairs:
    """A JSON object as its pairs, so that it cannot be taken for a value."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs


@dataclass(frozen=True, slots=True)
class _Unfit:
    """A number that no column can hold, and why; kept until its column is known."""

    why: str


def _pairs(pairs: list[tuple[str, object]]) -> _Pairs:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _Refused("This row gives a column twice.")
    return _Pairs(pairs)


def _whole(text: str) -> int | _Unfit:
    value = numbers.whole(text)
    return _Unfit("A whole number lies between -2^63 and 2^63 - 1.") if value is None else value


def _decimal(text: str) -> Decimal | _Unfit:
    value = numbers.decimal(text)
    if value is None:
        return _Unfit("A decimal number has at most 14 digits before and 4 after the point.")
    return value


def _constant(text: str) -> _Unfit:
    return _Unfit(f"{text} is not a number; write null.")


def _typed(number: int, name: str, value: Any) -> tuple[ColumnType, object]:
    """Return the type of a value and the value as it is kept."""
    match value:
        case bool():
            return ColumnType.BOOLEAN, value
        case int():
            return ColumnType.INTEGER, value
        case Decimal():
            return ColumnType.DECIMAL, value
        case str():
            fault = _text_fault(value)
            if fault:
                _refuse(number, fault, name)
            return ColumnType.TEXT, value
        case list():
            return ColumnType.TEXTS, _texts(number, name, cast("list[object]", value))
        case _Unfit():
            _refuse(number, value.why, name)
        case _:
            _refuse(number, "A value is true, false, a number, text, a list of text or null, not an object.", name)


def _texts(number: int, name: str, values: list[object]) -> tuple[str, ...]:
    """Check a list: text only, and no null in it, because engines look for null differently."""
    if len(values) > LIST_LENGTH_MAX:
        _refuse(number, f"A list has at most {LIST_LENGTH_MAX} texts.", name)
    kept: list[str] = []
    for value in values:
        if not isinstance(value, str):
            _refuse(number, "A list holds only text, and no null.", name)
        fault = _text_fault(value)
        if fault:
            _refuse(number, fault, name)
        kept.append(value)
    return tuple(kept)


def _text_fault(text: str) -> str | None:
    """Say why a text cannot be kept, if so."""
    if "\0" in text:
        return "Text holds no NUL character."
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return "Text holds half of a character (a lone surrogate)."
    return None
