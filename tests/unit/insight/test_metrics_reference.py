"""The page about metrics says what the catalogue says, and the catalogue names what is really there."""

from pathlib import Path

from keyuan.flows import insight as flow
from keyuan.insight import ask
from keyuan.insight.metrics import CUSTOMER_METRICS, METRICS
from keyuan.insight.per_customer import BEFORE, CustomerFigures
from keyuan.insight.tables import EVENTS, POINTS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


def rows() -> list[str]:
    return [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]


def test_the_page_lists_every_metric_in_the_words_of_the_catalogue():
    assert rows()[: len(METRICS) + len(CUSTOMER_METRICS)] == [
        f"| `{m.name}` | {m.zh} | {m.en} | {m.unit} | {m.grain} | {m.definition} | {m.formula} |"
        for m in METRICS + CUSTOMER_METRICS
    ]


def test_the_metrics_of_a_customer_are_there_for_the_window_and_before_it():
    assert CUSTOMER_METRICS[0].name == "orders"
    for metric in CUSTOMER_METRICS:
        assert {metric.field, metric.field + BEFORE} <= set(CustomerFigures._fields)


def test_the_page_lists_the_columns_of_the_tables():
    assert rows()[len(METRICS) + len(CUSTOMER_METRICS) :] == [
        f"| `{shape.name}` | " + ", ".join(f"`{name}` {kind}" for name, kind in shape.columns.items()) + " |"
        for shape in (EVENTS, POINTS)
    ]


def test_every_metric_is_a_field_of_rows_that_somebody_asks_for():
    for metric in METRICS:
        row = getattr(ask, metric.row, None) or getattr(flow, metric.row)
        assert hasattr(row, metric.field), metric.name
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_the_window_and_the_steps_of_the_funnel_are_those_in_its_words():
    funnel = next(metric for metric in METRICS if metric.row == "FunnelStep")
    assert f"{ask.PURCHASE_WINDOW_DAYS} × 24 h" in funnel.definition
    assert funnel.grain == f"step: {', '.join(ask.PURCHASE_STEPS)}"
