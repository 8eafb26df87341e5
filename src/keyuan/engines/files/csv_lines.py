"""CSV, read so that one broken record costs that record and nothing after it.

A record is broken when its quotes, its encoding or its number of fields are wrong. When it swallowed several lines
(an unclosed quote does), only the first is left out and reading goes on with the next.
An empty field is a missing value. Lines are counted from 1; the header is line 1.
"""

import codecs
import csv
from collections.abc import Iterator
from typing import BinaryIO

from keyuan.engines.files.model import FileError, Reject

LINE_BYTES_MAX = 1_048_576
RECORD_LINES_MAX = 1_000
TEXT_SHOWN_MAX = 2_000


class _Lines:
    """Decoded lines with their numbers; those of a broken record can be given back."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._again: list[str] = []
        self.record: list[str] = []
        self.next_line = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.record) >= RECORD_LINES_MAX:
            raise csv.Error(f"a field runs over more than {RECORD_LINES_MAX} lines")
        line = self._again.pop() if self._again else self._read()
        self.record.append(line)
        self.next_line += 1
        return line

    def _read(self) -> str:
        line = self._file.readline(LINE_BYTES_MAX)
        if not line:
            raise StopIteration
        # Bytes that are not of the encoding are carried along as lone surrogates and found in the record.
        return line.decode(self._encoding, "surrogateescape")

    def give_back_all_but_first(self) -> None:
        self._again.extend(reversed(self.record[1:]))
        self.next_line -= len(self.record) - 1
        del self.record[1:]


def read_csv(
    file: BinaryIO, encoding: str, delimiter: str
) -> Iterator[list[str] | tuple[int, list[str | None]] | Reject]:
    """Yield the header, then (line, fields) of each record or a reject.

    Raises:
        FileError: no header, or one that names a column twice.
    """
    lines = _Lines(file, _known(encoding))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = _header(reader)
    yield header
    width = len(header)
    while True:
        lines.record = []
        first = lines.next_line
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _reject(lines, first, f"broken quoting: {error}")
            continue
        if not fields:
            continue
        why = _fault(lines, fields, width)
        yield _reject(lines, first, why) if why else (first, [field or None for field in fields])


def _known(encoding: str) -> str:
    """Return the name of an encoding in which a line feed is one byte and nothing else."""
    try:
        known = codecs.lookup(encoding).name
        if "\n".encode(known) != b"\n":
            raise FileError(f"The encoding {encoding} is not supported; save the file as UTF-8.")
    except LookupError:
        raise FileError(f"There is no encoding named {encoding}; utf-8 and gb18030 are common ones.") from None
    return "utf-8-sig" if known == "utf-8" else known


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = next(reader)
    except StopIteration:
        raise FileError("The file is empty; its first line must name the columns.") from None
    except csv.Error as error:
        raise FileError(f"The first line must name the columns, but its quoting is broken: {error}.") from None
    if not header:
        raise FileError("The file is empty; its first line must name the columns.")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or not all(header):
        raise FileError(f"The first line must name each column once; look at {', '.join(map(repr, twice or ['']))}.")
    return header


def _fault(lines: _Lines, fields: list[str], width: int) -> str | None:
    if len(fields) != width:
        return f"{len(fields)} fields where the header has {width}"
    for line in lines.record:
        if not line.isascii():
            try:
                line.encode("utf-8")
            except UnicodeEncodeError:
                return "bytes that are not of the file's encoding"
        if "\0" in line:
            return "a NUL byte"
    return None


def _reject(lines: _Lines, first: int, why: str) -> Reject:
    lines.give_back_all_but_first()
    text = lines.record[0].rstrip("\r\n").encode("utf-8", "replace").decode() if lines.record else ""
    return Reject(first, why, text[:TEXT_SHOWN_MAX])
