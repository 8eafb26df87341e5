"""Ask the engine for all that an analysis needs: people and moments per arm.

A missing metric is counted and left out of its own moments; a missing covariate is taken as the mean of the others,
which moves nobody. Not here: which rows can be believed (`rows`), and any statistics beyond moments (`analysis`).
"""

import math
from dataclasses import replace
from importlib import import_module
from typing import Any

from keyuan.experiments.model import Design, Moments, Observed
from keyuan.experiments.rows import Column, Rows, believable_rows, ibis

# tea-tasting has no type stubs: what it gives is looked at here only.
_aggr: Any = import_module("tea_tasting.aggr")

# DuckDB and Spark have it and Ibis does not name it: the engine's own is called, `abs` only stands for its shape.
_skewness: Any = ibis.udf.agg.builtin(abs, name="skewness", signature=((float,), float))


def fetch(table: Rows, design: Design) -> Observed:
    """Return people and moments per arm of an Ibis table; the control comes first.

    Raises:
        DesignError: a column is missing, or the rows cannot be believed; the message says who can do what.
    """
    rows = believable_rows(table, design)
    columns, covariances = _columns(rows, design)
    numbers = [name for name in columns if name != "arm"]
    found = _aggr.read_aggregates(
        rows.select(**columns),
        "arm",
        has_count=True,
        mean_cols=numbers,
        var_cols=[name for name in numbers if not name.startswith("k")],
        cov_cols=covariances,
    )
    skewed = _asked_skewness(rows, len(design.metrics))
    arms = sorted({*found, *(design.shares or {})} - {design.control})
    people = {arm: found[arm].count() if arm in found else 0 for arm in (design.control, *arms)}
    return Observed(
        people=people,
        moments={
            metric.column: {
                arm: replace(_moments(found.get(arm), number), skewness=skewed.get((arm, number), 0.0))
                for arm in people
            }
            for number, metric in enumerate(design.metrics)
        },
    )


def _asked_skewness(rows: Rows, metrics: int) -> dict[tuple[str, int], float]:
    """Return by arm and number of the metric how skewed its values are."""
    asked = {f"s{number}": _skewness(rows[f"m{number}"]) for number in range(metrics)}
    told = rows.group_by("arm").aggregate(**asked).to_pyarrow().to_pylist()
    found = {(row["arm"], number): row[f"s{number}"] for row in told for number in range(metrics)}
    return {place: value for place, value in found.items() if value is not None and math.isfinite(value)}


def _columns(rows: Rows, design: Design) -> tuple[dict[str, Column], list[tuple[str, str]]]:
    """Return what is averaged: of metric 0 the value m0, whether it is known k0, and the covariate x0."""
    columns: dict[str, Column] = {"arm": rows["arm"]}
    covariances: list[tuple[str, str]] = []
    for number, metric in enumerate(design.metrics):
        value, known = rows[f"m{number}"], rows[f"m{number}"].notnull()
        columns |= {f"m{number}": value, f"k{number}": known.cast("int64").cast("float64")}
        if metric.covariate is not None:
            before = rows[f"x{number}"]
            columns[f"x{number}"] = known.ifelse(before.coalesce(before.mean().as_scalar()), None)
            covariances.append((f"m{number}", f"x{number}"))
    return columns, covariances


def _moments(found: Any, number: int) -> Moments:
    if found is None:
        return Moments(count=0)
    value, before = f"m{number}", f"x{number}"
    moments = Moments(
        count=round(found.mean(f"k{number}") * found.count()),
        mean=found.mean(value) or 0.0,
        var=found.var(value) or 0.0,
    )
    if before not in found.mean_:
        return moments
    return replace(
        moments,
        covariate_mean=found.mean(before) or 0.0,
        covariate_var=found.var(before) or 0.0,
        cov=found.cov(value, before) or 0.0,
    )
