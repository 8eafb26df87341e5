"""The mapping file: which file, which column becomes what. The shape of its TOML, typed.

Deliberately not here: the files themselves (`engines.files`), and what makes an event acceptable (`events.intake`).
Units: money columns are major units (12.50) unless `money_minor`; they become integers of minor units.
Reference: docs/reference/mapping.md.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field, structs

from keyuan.events.calendar import Date
from keyuan.kernel.errors import InputError

As = Literal["plain", "text", "integer", "number", "boolean", "money", "money_minor"]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class MappingError(InputError):
    """The mapping file does not fit: it says something unknown, or names what the files do not have."""


class Field(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value: of a column, of a constant, or the sum of a column over the rows of a group."""

    column: Name | None = None
    constant: str | int | bool | None = None
    sum: Name | None = None
    as_: As = field(name="as", default="plain")
    required: bool = False
    omit_zero: bool = False


class Time(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When it happened: a column, or one instant for all rows."""

    column: Name | None = None
    constant: datetime | None = None
    zone: Name | None = None
    pattern: Name | None = None
    unit: Literal["s", "ms", "us"] | None = None


class Join(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A lookup file; `on` names the key column, or says `{ main = "lookup" }` where the names differ."""

    file: Name
    on: Name | dict[Name, Name]
    encoding: Name = "utf-8"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","


class Lines(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rows of a group as a list inside its event."""

    fields: dict[Name, Field | Name]
    name: Name = "products"


class MadeUp(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Contact fields for people who have none: made from a column, the same every time, and marked as made up."""

    column: Name


class Source(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of event out of one file."""

    file: Name
    kind: Literal["identify", "track"]
    message_id: Name
    time: Time
    event: Name | None = None
    user_id: Name | None = None
    anonymous_id: Name | None = None
    group_by: Name | None = None
    join: list[Join] = []
    fields: dict[Name, Field | Name] = {}
    lines: Lines | None = None
    made_up: MadeUp | None = None
    encoding: Name = "utf-8"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","


class Mapping(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole mapping file. `end`: events later than it go to quarantine as too far ahead."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    source: Annotated[list[Source], Meta(min_length=1, max_length=50)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "USD"
    zone: Name = "UTC"
    end: datetime | None = None


class Dated(Mapping, frozen=True, kw_only=True):
    """A mapping among whose events dates stand, each before all that happens at its instant; no file can say so."""

    dates: tuple[Date, ...]


def dated(mapping: Mapping, dates: tuple[Date, ...]) -> Dated:
    """Return a mapping with dates among its events."""
    return Dated(**structs.asdict(mapping), dates=dates)
