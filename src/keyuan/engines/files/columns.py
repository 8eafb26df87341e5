"""Arrow columns as Python lists, by the shortest way.

`to_pylist` makes an Arrow scalar of every value; whole numbers and floats can be read from their buffer in one go,
and texts repeat, so that each is made once.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, cast

from keyuan.engines.files.model import Value

# The package comes without types: what it returns is checked by the schema of the query.
arrow: Any = import_module("pyarrow")
Batch = Any
Array = Any
_CODES: dict[Any, str] = {arrow.int64(): "q", arrow.float64(): "d", arrow.int32(): "i"}


def as_list(array: Array) -> list[Value]:
    """Return the values of a column; missing ones are None."""
    if arrow.types.is_string(array.type):
        return _texts(array)
    code = _CODES.get(array.type)
    if code is not None and array.null_count == 0:
        return _plain(array, code)
    return cast("list[Value]", array.to_pylist())


def _plain(array: Array, code: str) -> list[Value]:
    buffer = array.buffers()[1]
    if buffer is None:
        return []
    values = cast("Any", memoryview(buffer)).cast("B").cast(code)
    return values[array.offset : array.offset + len(array)].tolist()


def _texts(array: Array) -> list[Value]:
    # Missing values are encoded as a word of their own; `fill_null` would import pandas where it is installed.
    encoded = array.dictionary_encode(null_encoding="encode")
    words: list[Value] = encoded.dictionary.to_pylist()
    return list(map(words.__getitem__, cast("Sequence[int]", _plain(encoded.indices, "i"))))
