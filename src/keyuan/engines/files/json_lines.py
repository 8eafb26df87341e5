"""JSON Lines: one object a line; a broken line costs that line and nothing after it.

Numbers keep the text they were written with, so that money is read exactly; objects and lists inside a row stay
JSON text. Deliberately not here: types; a mapping says what a column is.
"""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from keyuan.engines.files.csv_lines import LINE_BYTES_MAX, TEXT_SHOWN_MAX
from keyuan.engines.files.model import Reject

_row = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


def read_json_lines(file: BinaryIO) -> Iterator[tuple[int, dict[str, str | None]] | Reject]:
    """Yield (line, values by column) of each row, or a reject; empty lines are passed over."""
    number = 0
    while line := file.readline(LINE_BYTES_MAX):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            yield number, {name: _value(bytes(raw)) for name, raw in _row(line).items()}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            shown = line.decode("utf-8", "replace").rstrip("\r\n").replace("\0", "\ufffd")[:TEXT_SHOWN_MAX]
            yield Reject(number, f"not a JSON object: {error}", shown)


def _value(raw: bytes) -> str | None:
    """Return the text of a value as it was written; null and an empty text are missing."""
    if raw.startswith(b'"'):
        return _text(raw) or None
    return None if raw == b"null" else raw.decode()
