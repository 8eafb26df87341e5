"""The statement of the batch path, and its rows as trait records."""

from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from keyuan.engines.analytics import Analytics
from keyuan.engines.database import load_statements
from keyuan.kernel.clock import to_us
from keyuan.profiles.batch.inputs import LogTables
from keyuan.profiles.catalogue import TRAITS
from keyuan.profiles.traits import Value, Values

_SQL = load_statements("keyuan.profiles.batch")
_KINDS = tuple(trait.kind for trait in TRAITS)


def batch_traits(analytics: Analytics, log: LogTables, as_of: datetime) -> dict[UUID, Values]:
    """The trait record of each person with a fact before `as_of`, in the order of their ids."""
    found = analytics.rows(_SQL["traits"], log.named(), as_of_us=to_us(as_of))
    return {UUID(bytes=row[0]): _record(row[1:]) for row in found}


def _record(row: tuple[object, ...]) -> Values:
    return tuple(_value(kind, value) for kind, value in zip(_KINDS, row, strict=True))


def _value(kind: str, value: object) -> Value:
    if kind == "decimal" and isinstance(value, int):
        return Decimal(value).scaleb(-4)
    if kind == "list":
        return tuple(cast("list[str]", value))
    return cast("int | str | None", value)
