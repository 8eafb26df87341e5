"""Reading a mapping file: every mistake that can be seen without the data is said here, with its place."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from keyuan.events import calendar
from keyuan.events.mapping.model import Field, Mapping, MappingError, Source, Time
from keyuan.kernel.clock import from_us, to_us

BYTES_MAX = 1_000_000


def load_mapping(path: Path) -> Mapping:
    """Return the mapping that a TOML file holds.

    Raises:
        MappingError: not there, not TOML, or not a mapping; with the place.
    """
    try:
        raw = path.read_bytes()
        text = raw[:BYTES_MAX].decode("utf-8")
    except OSError as error:
        raise MappingError(f"The mapping file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise MappingError(f"The mapping file {path} is not UTF-8.") from None
    try:
        return parse_mapping(text)
    except MappingError as error:
        raise MappingError(f"{path.name}: {error.message}") from None


def parse_mapping(text: str) -> Mapping:
    """Return the mapping that a TOML text holds.

    Raises:
        MappingError: not TOML, or not a mapping; with the place.
    """
    try:
        mapping = msgspec.convert(tomllib.loads(text), Mapping)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"This is not valid TOML: {error}.") from None
    except msgspec.ValidationError as error:
        raise MappingError(f"{error}; see docs/reference/mapping.md.") from None
    _zone(mapping.zone)
    if mapping.name == calendar.SOURCE:
        raise MappingError(f"the name {mapping.name} is Keyuan's own; give the import another one.")
    for number, source in enumerate(mapping.source):
        try:
            _check(source)
        except MappingError as error:
            raise MappingError(f"source {number + 1} ({source.file}): {error.message}") from None
    end = None if mapping.end is None else from_us(instant_us(mapping.end, mapping.zone))
    return msgspec.structs.replace(mapping, end=end)


def instant_us(given: datetime, zone: str) -> int:
    """Return microseconds of an instant written in the mapping file; without a zone it is of `zone`."""
    return to_us((given if given.tzinfo else given.replace(tzinfo=_zone(zone))).astimezone(UTC))


def fields_of(named: dict[str, Field | str]) -> dict[str, Field]:
    """Return fields in full; a bare text stands for the column of that name."""
    return {name: Field(column=given) if isinstance(given, str) else given for name, given in named.items()}


def _check(source: Source) -> None:
    if source.kind == "track" and source.event is None:
        raise MappingError('a track source needs the name of its event, such as event = "Order Completed".')
    if source.kind == "identify" and (source.event is not None or source.lines is not None):
        raise MappingError("an identify source has neither event nor lines.")
    if source.user_id is None and source.anonymous_id is None:
        raise MappingError('user_id or anonymous_id must be given, such as user_id = "customer:{customer_id}".')
    if source.lines is not None and source.group_by is None:
        raise MappingError("lines need group_by: the column whose rows belong to one event.")
    files = [join.file for join in source.join]
    if len({source.file, *files}) <= len(files):
        raise MappingError("a file can be joined only once, and not with itself.")
    _check_time(source.time)
    lines = {} if source.lines is None else fields_of(source.lines.fields)
    for name, given in fields_of(source.fields).items():
        _check_field(name, given, may_sum=source.lines is not None)
    for name, given in lines.items():
        _check_field(name, given, may_sum=False)


def _check_time(time: Time) -> None:
    if (time.column is None) == (time.constant is None):
        raise MappingError("time needs either column or constant.")
    if time.constant is not None and (time.pattern or time.unit):
        raise MappingError("pattern and unit are for a time in a column.")
    if time.pattern is not None and time.unit is not None:
        raise MappingError("a time has a pattern or a unit, not both.")
    if time.zone is not None:
        _zone(time.zone)


def _check_field(name: str, given: Field, *, may_sum: bool) -> None:
    ways = [way for way in (given.column, given.constant, given.sum) if way is not None]
    if len(ways) != 1:
        raise MappingError(f"field {name} needs exactly one of column, constant and sum.")
    if given.sum is not None and not may_sum:
        raise MappingError(f"field {name}: a sum adds the rows of a group; it needs lines.")
    if given.sum is not None and given.as_ not in {"money", "money_minor", "integer"}:
        raise MappingError(f'field {name}: say as = "money", "money_minor" or "integer" for a sum.')


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MappingError(f"There is no time zone {name!r}; UTC, Asia/Shanghai and Europe/Berlin are.") from None
