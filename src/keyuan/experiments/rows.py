"""The rows of an experiment, prepared for counting, and refused where they cannot be believed.

Nothing is dropped in silence: who is left out of an experiment afterwards may be left out because of it.
Not here: moments (`fetch`) and statistics (`analysis`).
Units: one row is one person. Values of people never stand in an error, only counts and places.
"""

import difflib
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from keyuan.experiments.model import ARMS_MAX, Design, DesignError

# Ibis has no type stubs: its tables and columns are `Any` here, and plain values when they leave.
ibis: Any = import_module("ibis")
Rows = Any
Column = Any

ROW = "@row"
VALUE_MAX = 1e60
COLUMNS_TOLD_MAX = 30
TEXT_TOLD_MAX = 40


def believable_rows(table: Rows, design: Design) -> Rows:
    """Return the rows with our names: `arm`, metrics m0, m1 and so on, covariates x0, x1 and so on, as float64.

    Raises:
        DesignError: a column is missing, or the rows cannot be believed; the message says who can do what.
    """
    rows = _prepared(table, design)
    found = rows.aggregate(**_questions(rows, design)).to_pyarrow().to_pylist()[0]
    if not found["rows"]:
        raise DesignError("There is no row; an analysis needs at least one person in each arm.")
    _refuse_arms(found, rows, design)
    for ours, name in _numbers(design).items():
        _refuse_numbers(found, ours, name)
    if design.unit is not None:
        _refuse_repeated(rows, design.unit)
    return rows


def columns_of(design: Design) -> list[str]:
    """Return the columns that an analysis reads."""
    named = [design.arm, design.unit]
    for metric in design.metrics:
        named += [metric.column, metric.covariate]
    return list(dict.fromkeys(name for name in named if name is not None))


def check_columns(design: Design, there: Iterable[str]) -> None:
    """See that all columns are there.

    Raises:
        DesignError: one is not.
    """
    known = [name for name in there if name != ROW]
    for name in columns_of(design):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            told = ", ".join(map(_told, known[:COLUMNS_TOLD_MAX]))
            raise DesignError(f"There is no column {name!r}.{hint} The columns are {told}.")


def _numbers(design: Design) -> dict[str, str]:
    """Return our names of the columns of numbers: metrics m0, m1 and so on, covariates x0, x1 and so on."""
    metrics = list(enumerate(design.metrics))
    return {f"m{number}": metric.column for number, metric in metrics} | {
        f"x{number}": metric.covariate for number, metric in metrics if metric.covariate is not None
    }


def _prepared(table: Rows, design: Design) -> Rows:
    check_columns(design, table.columns)
    prepared: dict[str, Column] = {"arm": _label(table, design.arm)}
    if design.unit is not None:
        prepared["unit"] = _label(table, design.unit)
    prepared["row"] = table[ROW] if ROW in table.columns else ibis.null("int64")
    for ours, name in _numbers(design).items():
        prepared[ours] = _number(table, name)
        if table[name].type().is_string():
            prepared[_text(ours)] = table[name].strip().nullif("")
    return table.select(**prepared)


def _text(ours: str) -> str:
    return f"{ours}_text"


def _label(table: Rows, name: str) -> Column:
    """Return a column that tells things apart, as text; nothing, blank and NaN are the same: missing."""
    cell = table[name]
    kind = cell.type()
    if kind.is_nested() or kind.is_binary():
        raise DesignError(f"The column {name!r} holds {kind}; text or numbers are needed to tell things apart.")
    if kind.is_floating():
        cell = cell.isnan().ifelse(None, cell)
    text = cell.cast("string")
    return (text.strip() == "").ifelse(None, text)


def _number(table: Rows, name: str) -> Column:
    cell = table[name]
    kind = cell.type()
    if kind.is_string():
        return cell.strip().nullif("").try_cast("float64")
    if kind.is_boolean():
        return cell.cast("int64").cast("float64")
    if kind.is_numeric():
        return cell.cast("float64")
    raise DesignError(f"The column {name!r} holds {kind}, not numbers; name a column with one number per person.")


def _questions(rows: Rows, design: Design) -> dict[str, Column]:
    arm = rows["arm"]
    asked = {"rows": rows.count(), "arms": arm.nunique(), "without_arm": arm.isnull().sum()}
    asked |= {"control": (arm == design.control).sum()}
    if design.shares is not None:
        strange = ~arm.isin(list(design.shares))
        asked |= {"strange": strange.sum(), "strange_arm": arm.min(where=strange)}
    for ours in _numbers(design):
        asked |= _questions_of(rows, ours)
    return asked


def _questions_of(rows: Rows, ours: str) -> dict[str, Column]:
    number, row = rows[ours], rows["row"]
    odd = number.isnan() | number.isinf() | (number.abs() > VALUE_MAX)
    asked = {f"{ours}_known": number.count(), f"{ours}_odd": odd.sum(), f"{ours}_odd_row": row.min(where=odd)}
    if _text(ours) in rows.columns:
        text = rows[_text(ours)]
        bad = text.notnull() & number.isnull()
        asked |= {f"{ours}_bad": bad.sum(), f"{ours}_bad_row": row.min(where=bad)}
    return asked


def _refuse_arms(found: dict[str, Any], rows: Rows, design: Design) -> None:
    if found["without_arm"]:
        raise DesignError(
            f"{found['without_arm']} of {found['rows']} rows have no arm in {design.arm!r}. Who assigned the arms has"
            " to say which they are; people who were never assigned do not belong into the file."
        )
    if found["arms"] > ARMS_MAX:
        raise DesignError(
            f"The column {design.arm!r} has {found['arms']} different values, at most {ARMS_MAX} arms can be compared;"
            " is it the column of the arms?"
        )
    if found.get("strange"):
        raise DesignError(
            f"{found['strange']} rows are in an arm that the split does not name, such as"
            f" {_told(found['strange_arm'])}; give every arm its share, or see how these rows came into the file."
        )
    if not found["control"] and design.shares is None:
        arms = [row["arm"] for row in rows.group_by("arm").aggregate().order_by("arm").to_pyarrow().to_pylist()]
        raise DesignError(f"Nobody is in the control {design.control!r}; the arms are {', '.join(map(_told, arms))}.")
    if found["arms"] == 1 and design.shares is None:
        raise DesignError("Everybody is in the control; there is nothing to compare it with.")


def _refuse_numbers(found: dict[str, Any], ours: str, name: str) -> None:
    if found.get(f"{ours}_bad"):
        raise DesignError(
            f"The column {name!r} has {found[f'{ours}_bad']} values that are not numbers"
            f"{_first(found[f'{ours}_bad_row'])}. Write plain numbers such as 1234.5, and leave a field empty where the"
            " value is not known."
        )
    if found[f"{ours}_odd"]:
        raise DesignError(
            f"The column {name!r} has {found[f'{ours}_odd']} values that are infinite, NaN or beyond {VALUE_MAX:g}"
            f"{_first(found[f'{ours}_odd_row'])}. Find the division that made them; leave a field empty where the value"
            " is not known, and write 0 where there was nothing."
        )
    if not found[f"{ours}_known"]:
        raise DesignError(f"The column {name!r} has no value at all; name a column with one number per person.")


def _first(row: int | None) -> str:
    return f" (first in row {row})" if row is not None else ""


def _told(text: str) -> str:
    return repr(text[:TEXT_TOLD_MAX])


def _refuse_repeated(rows: Rows, unit: str) -> None:
    people = rows.group_by("unit").aggregate(count=rows.count(), arms=rows["arm"].nunique(), row=rows["row"].min())
    count, row, nameless = people["count"], people["row"], people["unit"].isnull()
    torn, repeated = (people["arms"] > 1) & ~nameless, (count > 1) & ~nameless
    asked = {"nameless": count.sum(where=nameless), "torn": torn.sum(), "repeated": repeated.sum()}
    asked |= {"torn_row": row.min(where=torn), "repeated_row": row.min(where=repeated)}
    told = people.aggregate(**asked).to_pyarrow().to_pylist()[0]
    if told["nameless"]:
        raise DesignError(f"{told['nameless']} rows have nothing in {unit!r}; say who they are, or leave out --unit.")
    if told["torn"]:
        raise DesignError(
            f"{told['torn']} people of {unit!r} stand in more than one arm{_first(told['torn_row'])}, so nobody can say"
            " what worked on them. Who assigned the arms has to find out why; give each person the arm of the first"
            " assignment, or start the experiment again."
        )
    if told["repeated"]:
        raise DesignError(
            f"{told['repeated']} people of {unit!r} have more than one row{_first(told['repeated_row'])}. Sum the"
            " metrics into one row per person first: rows of one person are not independent, and intervals would be too"
            " narrow."
        )
