"""Arrow columns as Python lists, by the shortest way.

`to_pylist` makes an Arrow scalar of every value; whole numbers and floats can be read from their buffer in one go,
and texts repeat, so that each is made once.
"""

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa

from keyuan.engines.files.model import Value

_CODES = {pa.int64(): "q", pa.float64(): "d", pa.int32(): "i"}


def as_list(array: "pa.Array[Any]") -> list[Value]:
    """Return the values of a column; missing ones are None."""
    if pa.types.is_string(array.type):
        return _texts(array)
    code = _CODES.get(array.type)
    if code is not None and array.null_count == 0:
        return _plain(array, code)
    return cast("list[Value]", array.to_pylist())


def _plain(array: "pa.Array[Any]", code: str) -> list[Value]:
    buffer = array.buffers()[1]
    if buffer is None:
        return []
    values = memoryview(buffer).cast("B").cast(cast("Any", code))
    return cast("list[Value]", values[array.offset : array.offset + len(array)].tolist())


def _texts(array: "pa.Array[Any]") -> list[Value]:
    encoded = cast("Any", array).dictionary_encode()
    words: list[str | None] = [*encoded.dictionary.to_pylist(), None]
    places = cast("Sequence[int]", _plain(encoded.indices.fill_null(len(words) - 1), "i"))
    return list(map(words.__getitem__, places))
