"""Columns of Python values as Arrow tables, by the kinds of the lake."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from keyuan.engines.lake.model import Columns

# pyarrow has no type stubs; what it makes is only handed on.
_arrow: Any = import_module("pyarrow")
_KINDS: Final = {"int64": _arrow.int64(), "text": _arrow.string(), "date": _arrow.date32()}


def arrow_schema(kinds: Mapping[str, str]) -> Any:
    """Return the schema of columns of these kinds."""
    return _arrow.schema([(name, _KINDS[kind]) for name, kind in kinds.items()])


def arrow_table(kinds: Mapping[str, str], columns: Columns) -> Any:
    """Return columns of one length as a table."""
    return _arrow.table({name: _arrow.array(columns[name], _KINDS[kind]) for name, kind in kinds.items()})
