"""A selection as DuckDB's SQL. Names of columns come from files of users, so every one is quoted.

Two steps when rows are grouped: first the groups whose rows do not agree (there are hardly ever any), then the rows.
"""

from keyuan.engines.files.model import FileError, Lookup, Selection, TimeColumn

ROW = "@row"
TIME, UNEVEN, KEY = "@time", "@uneven", "@key"
_TICKS_US = {"s": 1_000_000, "ms": 1_000, "us": 1}
_SMALL = {"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"}
_WHOLE = _SMALL | {"BIGINT", "UBIGINT", "HUGEINT"}
_KNOWN = {"BIGINT", "UBIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMP"}
_TIMES = ("TIMESTAMP", "DATE")
_FLOATS = {"FLOAT", "DOUBLE"}

Types = dict[tuple[str, str], str]


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def rows_query(selection: Selection, types: Types, *, mended: str | None) -> str:
    """Return the query for the rows in order; `mended` is the table that `uneven_query` filled, if it has rows."""
    if selection.one_each:
        return _one_each_query(selection, types)
    key = _key(selection)
    time = _time(selection, types)
    uneven = "NULL"
    joins = _joins(selection.lookups, selection.table, types)
    if mended is not None:
        joins += f" LEFT JOIN {quoted(mended)} AS mended ON mended.key = {key}"
        time = f"CASE WHEN mended.key IS NULL THEN {time} ELSE mended.time_us END"
        uneven = "mended.uneven"
    columns = "".join(f", {_cell(column, types)} AS c{number}" for number, column in enumerate(selection.columns))
    return (
        f"SELECT {time} AS {quoted(TIME)}, {_row(selection)} AS {quoted(ROW)}, {uneven} AS {quoted(UNEVEN)},"
        f" {key} AS {quoted(KEY)}{columns} FROM {quoted(selection.table)}{joins}"
        f" ORDER BY {quoted(TIME)} NULLS FIRST, {quoted(KEY)} NULLS FIRST, {quoted(ROW)}"
    )


def uneven_query(selection: Selection, types: Types) -> str:
    """Return the query for the groups whose rows differ in time or in a column that must be even."""
    key, time = _key(selection), _time(selection, types)
    return (
        f"SELECT {key} AS key, {_group_time(time)} AS time_us, {_disagreement(selection, types)} AS uneven"
        f" FROM {quoted(selection.table)}{_joins(selection.lookups, selection.table, types)}"
        f" WHERE {key} IS NOT NULL GROUP BY {key}"
        f" HAVING {_disagreement(selection, types)} IS NOT NULL"
        f" OR min({time}) IS DISTINCT FROM max({time}) OR count({time}) < count(*)"
    )


def _one_each_query(selection: Selection, types: Types) -> str:
    key, time = _key(selection), _time(selection, types)
    columns = "".join(f", min({_cell(column, types)}) AS c{number}" for number, column in enumerate(selection.columns))
    return (
        f"SELECT {_group_time(time)} AS {quoted(TIME)}, min({_row(selection)}) AS {quoted(ROW)},"
        f" {_disagreement(selection, types)} AS {quoted(UNEVEN)}, {key} AS {quoted(KEY)}{columns}"
        f" FROM {quoted(selection.table)}{_joins(selection.lookups, selection.table, types)} GROUP BY {key}"
        f" ORDER BY {quoted(TIME)} NULLS FIRST, {quoted(KEY)} NULLS FIRST"
    )


def _group_time(time: str) -> str:
    """A group with one time that cannot be read has none: its order among the others is not known."""
    return f"CASE WHEN count({time}) = count(*) THEN min({time}) END"


def _disagreement(selection: Selection, types: Types) -> str:
    """Name the first column in which the rows of a group differ; NULL when there is none."""
    branches = "".join(
        f" WHEN count({cell}) NOT IN (0, count(*)) OR min({cell}) IS DISTINCT FROM max({cell})"
        f" THEN {literal(column[1])}"
        for column in selection.even
        if column != (selection.table, selection.group_by)
        for cell in (_cell(column, types),)
    )
    return f"CASE{branches} END" if branches else "NULL"


def _key(selection: Selection) -> str:
    return f"{quoted(selection.table)}.{quoted(selection.group_by)}" if selection.group_by else "NULL"


def _row(selection: Selection) -> str:
    return f"{quoted(selection.table)}.{quoted(ROW)}"


def _cell(column: tuple[str, str], types: Types) -> str:
    """Return the column as one of the few types that the rooms know, losing nothing; what is none of them as text."""
    cell = f"{quoted(column[0])}.{quoted(column[1])}"
    kind = types[column]
    if kind in _SMALL:
        return f"{cell}::BIGINT"
    if kind == "FLOAT":
        return f"{cell}::DOUBLE"
    if kind in _KNOWN or kind.startswith("DECIMAL"):
        return cell
    return f"{cell}::TIMESTAMP" if kind.startswith("TIMESTAMP_") else f"{cell}::VARCHAR"


def _joins(lookups: tuple[Lookup, ...], main: str, types: Types) -> str:
    return "".join(
        f" LEFT JOIN {quoted(lookup.table)} ON {' AND '.join(_equal(main, lookup, pair, types) for pair in lookup.on)}"
        for lookup in lookups
    )


def _equal(main: str, lookup: Lookup, pair: tuple[str, str], types: Types) -> str:
    """Compare as they are when the types agree, else as text: CSV has only text."""
    sides = ((main, pair[0]), (lookup.table, pair[1]))
    same = types[sides[0]] == types[sides[1]]
    return " = ".join(f"{quoted(table)}.{quoted(column)}{'' if same else '::VARCHAR'}" for table, column in sides)


def _time(selection: Selection, types: Types) -> str:
    if isinstance(selection.time, int):
        return f"{selection.time}::BIGINT"
    return _read_time(selection.time, types[selection.time.column])


def _read_time(time: TimeColumn, kind: str) -> str:
    cell = f"{quoted(time.column[0])}.{quoted(time.column[1])}"
    if time.unit is not None:
        if kind not in _WHOLE and kind != "VARCHAR":
            raise FileError(f"A time in {time.unit} is read from whole numbers, but {time.column[1]} holds {kind}.")
        return f"try_cast(try_cast({cell} AS HUGEINT) * {_TICKS_US[time.unit]} AS BIGINT)"
    if kind == "VARCHAR" and time.pattern is not None:
        return f"epoch_us(try_cast(try_strptime({cell}, {literal(time.pattern)}) AS TIMESTAMPTZ))"
    if kind == "TIMESTAMP" and time.zone == "UTC":
        return f"epoch_us({cell})"
    # The session's zone is the zone of the selection: it is meant by a time that names none.
    if kind == "VARCHAR" or kind.startswith(_TIMES):
        return f"epoch_us(try_cast({cell} AS TIMESTAMPTZ))"
    hint = " Say unit = 's', 'ms' or 'us' if these are ticks since 1970." if kind in _WHOLE | _FLOATS else ""
    raise FileError(f"{time.column[1]} holds {kind}, which is not a time.{hint}")
