"""Moments from columns in memory, as a flow hands them over, and from an engine that fails."""

import numpy as np
import pytest

from keyuan.engines.files.expressions import Expressions
from keyuan.experiments.analysis import analyse
from keyuan.experiments.assignment import assign, hold_out
from keyuan.experiments.fetch import fetch
from keyuan.experiments.model import Design, Metric
from keyuan.experiments.report import report
from keyuan.experiments.verdict import Kind, verdicts
from keyuan.kernel.errors import EngineError
from unit.experiments.samples import moments

METRICS = ("orders", "spend_minor", "active_weeks")
DESIGN = Design(
    arm="arm",
    control="hold-out",
    metrics=tuple(Metric(column=name, covariate=f"{name}_before") for name in METRICS),
    shares={"hold-out": 0.2, "treated": 0.8},
    unit="person",
    nobody_treated=True,
)


def a_campaign(people: int = 900) -> dict[str, list[object]]:
    """Return what a flow knows of a campaign: figures of two periods, and the arm by hash."""
    rng = np.random.default_rng(17)
    names = [f"household:{number}" for number in range(people)]
    arms = [("hold-out", "treated")[arm] for arm in assign(names, "a-salt", hold_out(0.2))]
    columns: dict[str, list[object]] = {"person": [*names], "arm": [*arms]}
    for name in METRICS:
        before = rng.poisson(rng.gamma(2, 3, people))
        columns |= {f"{name}_before": before.tolist(), name: rng.poisson(before * 0.9 + 0.3).tolist()}
    return columns


def test_columns_in_memory_have_the_moments_of_numpy():
    columns = a_campaign()
    with Expressions() as tables, tables.asking():
        seen = fetch(tables.columns("campaign", columns), DESIGN)
    treated = np.array(columns["arm"]) == "treated"
    assert list(seen.people) == ["hold-out", "treated"]
    for name in METRICS:
        for arm, here in (("hold-out", ~treated), ("treated", treated)):
            expected = moments(np.array(columns[name])[here], np.array(columns[f"{name}_before"])[here])
            found = seen.moments[name][arm]
            assert (found.count, found.mean, found.var) == (
                expected.count,
                pytest.approx(expected.mean),
                pytest.approx(expected.var),
            )
            assert found.covariate_mean == pytest.approx(expected.covariate_mean)
            assert (found.covariate_var, found.cov) == (
                pytest.approx(expected.covariate_var),
                pytest.approx(expected.cov),
            )


def test_a_campaign_on_history_is_told_as_an_a_a_test():
    with Expressions() as tables, tables.asking():
        analysis = analyse(DESIGN, fetch(tables.columns("campaign", a_campaign()), DESIGN))
    (verdict,) = verdicts(DESIGN, analysis)
    assert verdict.kind in {Kind.NO_EFFECT_SEEN, Kind.FALSE_ALARM}
    told = report(DESIGN, analysis)
    assert set(told["metrics"]) == set(METRICS)
    assert all({"difference", "interval", "p"} <= figures.keys() for figures in told["metrics"].values())


def test_the_same_rows_in_another_order_are_the_same_experiment():
    columns = a_campaign()
    order = np.random.default_rng(1).permutation(len(columns["arm"]))
    shuffled = {name: [cells[place] for place in order] for name, cells in columns.items()}
    with Expressions() as tables, tables.asking():
        told = [
            report(DESIGN, analyse(DESIGN, fetch(tables.columns(name, each), DESIGN)))["metrics"]["orders"]
            for name, each in (("one", columns), ("two", shuffled))
        ]
    assert told[0]["interval"] == pytest.approx(told[1]["interval"], rel=1e-9)


def test_what_duckdb_cannot_answer_is_an_error_of_the_engine():
    with Expressions() as tables, pytest.raises(EngineError, match="DuckDB could not answer"), tables.asking():
        tables.columns("few", {"a": [300]})["a"].cast("int8").max().to_pyarrow()
