"""`keyuan experiment analyse` on files as they come: what is counted, what is refused, and what is shown."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from keyuan.cli.main import app
from keyuan.engines.files import FileError
from keyuan.kernel.errors import KeyuanError
from unit.experiments.samples import welch, without_covariate

Columns = Mapping[str, Sequence[object]]
RNG = np.random.default_rng(4)
PEOPLE = 600
BEFORE = RNG.gamma(2, 2, PEOPLE).round(3)
ARM = np.where(np.arange(PEOPLE) % 5 == 0, "held", "treated")
ORDERS = (BEFORE + RNG.normal(0, 1, PEOPLE) + 0.5 * (ARM == "treated")).round(3)
GOOD: dict[str, list[Any]] = {
    "person": [f"p{number}" for number in range(PEOPLE)],
    "arm": ARM.tolist(),
    "orders": ORDERS.tolist(),
    "before": BEFORE.tolist(),
}
ARMS = ("--arm", "arm", "--control", "held", "--split", "held=0.2,treated=0.8")


def csv_file(folder: Path, columns: Columns = GOOD, *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    path = folder / "people.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def changed(**columns: list[Any]) -> dict[str, list[Any]]:
    return GOOD | columns


def with_cell(column: str, row: int, value: object) -> dict[str, list[Any]]:
    cells = list(GOOD[column])
    cells[row] = value
    return GOOD | {column: cells}


def ran(path: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["experiment", "analyse", str(path), *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def told(path: Path, *words: str) -> dict[str, Any]:
    return json.loads(ran(path, *words, "--json"))


def refused(path: Path, *words: str) -> str:
    with pytest.raises(KeyuanError) as error:
        CliRunner().invoke(app, ["experiment", "analyse", str(path), *words], catch_exceptions=False)
    return str(error.value)


def expected(treated: Any = ARM == "treated", values: Any = ORDERS, before: Any = None) -> tuple[Any, ...]:
    adjusted = values if before is None else without_covariate(values, before)
    return welch(adjusted[~treated], adjusted[treated])


@pytest.mark.parametrize("covariate", ["before", None])
@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "jsonl"])
def test_a_file_gives_the_figures_of_plain_numpy(tmp_path: Path, kind: str, covariate: str | None):
    path = csv_file(tmp_path)
    if kind == "parquet":
        path = tmp_path / "people.parquet"
        duckdb.sql(f"COPY (FROM '{tmp_path / 'people.csv'}') TO '{path}' (FORMAT parquet)")
    elif kind == "tsv":
        path = csv_file(tmp_path, delimiter="\t").rename(tmp_path / "people.tsv")
    elif kind == "jsonl":
        path = tmp_path / "people.jsonl"
        rows = [dict(zip(GOOD, row, strict=True)) for row in zip(*GOOD.values(), strict=True)]
        path.write_text("\n".join(map(json.dumps, rows)))
    found = told(
        path, *ARMS, "--metric", "orders", "--unit", "person", *(("--covariate", covariate) if covariate else ())
    )
    difference, interval, p = expected(before=BEFORE if covariate else None)
    assert found["n"] == {"held": 120, "treated": 480}
    assert found["metrics"]["orders"]["difference"] == pytest.approx(difference, rel=1e-9)
    assert found["metrics"]["orders"]["interval"] == pytest.approx(interval, rel=1e-9)
    assert found["metrics"]["orders"]["p"] == pytest.approx(p, rel=1e-7)
    assert (found["srm_p"], found["verdict_kind"]) == (1, "works" if covariate else "no_effect_seen")


def test_equal_shares_are_meant_where_no_split_is_given(tmp_path: Path):
    found = told(csv_file(tmp_path), "--arm", "arm", "--control", "held", "--metric", "orders")
    assert found["srm_p"] < 1e-40
    assert found["verdict_kind"] == "no_verdict"
    assert found["verdict"].startswith("The split is off, so there is no verdict.")


def test_figures_are_withheld_from_eyes_where_the_split_is_off(tmp_path: Path):
    words = ("--arm", "arm", "--control", "held", "--metric", "orders")
    shown = ran(csv_file(tmp_path), *words)
    assert "The figures are withheld." in shown
    assert "interval" not in shown
    assert "分组比例不对，这次不给结论" in ran(csv_file(tmp_path), *words, "--language", "zh")


def test_numbers_and_booleans_can_be_arms_and_metrics(tmp_path: Path):
    path = tmp_path / "people.parquet"
    duckdb.sql(
        "COPY (SELECT i % 2 AS n, i % 2 = 0 AS b, (i % 2)::DOUBLE AS d, i % 3 = 0 AS bought,"
        " (i % 7)::DECIMAL(9, 2) AS m"
        f" FROM range(400) t(i)) TO '{path}' (FORMAT parquet)"
    )
    for column, control in (("n", "0"), ("b", "true"), ("d", "0.0")):
        found = told(path, "--arm", column, "--control", control, "--metric", "bought", "--metric", "m")
        assert found["n"][control] == 200
        assert found["metrics"]["bought"]["control"] == pytest.approx(67 / 200)


def test_missing_values_are_left_out_and_counted(tmp_path: Path):
    gone = np.arange(PEOPLE) % 11 == 3
    cells = ["" if missing else value for missing, value in zip(gone, GOOD["orders"], strict=True)]
    path = csv_file(tmp_path, changed(orders=cells))
    figures = told(path, *ARMS, "--metric", "orders")["metrics"]["orders"]
    assert figures["known"] == [(~gone & (arm == ARM)).sum() for arm in ("held", "treated")]
    assert figures["difference"] == pytest.approx(expected((ARM == "treated")[~gone], ORDERS[~gone])[0])
    assert "55 of 600 people have no value and are left out" in " ".join(ran(path, *ARMS, "--metric", "orders").split())


def test_values_that_only_one_arm_misses_withhold_the_verdict(tmp_path: Path):
    cells = ["" if arm == "held" and value > 5 else value for arm, value in zip(ARM, GOOD["orders"], strict=True)]
    found = told(csv_file(tmp_path, changed(orders=cells)), *ARMS, "--metric", "orders")
    assert (found["verdict_kind"], found["verdict_why"]) == ("no_verdict", "missing_differs")


def test_who_has_no_covariate_counts_with_the_mean_of_the_others(tmp_path: Path):
    gone = np.arange(PEOPLE) % 7 == 2
    cells = ["" if missing else value for missing, value in zip(gone, GOOD["before"], strict=True)]
    filled = np.where(gone, BEFORE[~gone].mean(), BEFORE)
    path = csv_file(tmp_path, changed(before=cells))
    figures = told(path, *ARMS, "--metric", "orders", "--covariate", "before")["metrics"]["orders"]
    assert figures["known"] == [120, 480]
    assert figures["interval"] == pytest.approx(expected(before=filled)[1], rel=1e-9)


def test_a_covariate_from_after_the_treatment_withholds_the_verdict(tmp_path: Path):
    after = (BEFORE + 3 * (ARM == "treated")).tolist()
    found = told(csv_file(tmp_path, changed(before=after)), *ARMS, "--metric", "orders", "--covariate", "before")
    assert (found["verdict_kind"], found["verdict_why"]) == ("no_verdict", "covariate_differs")


def test_covariates_go_with_metrics_in_their_order(tmp_path: Path):
    columns = changed(spend=(ORDERS * 3 + RNG.normal(size=PEOPLE)).tolist(), was=(BEFORE * 2).tolist())
    path = csv_file(tmp_path, columns)
    two = ("--metric", "orders", "--metric", "spend")
    one_each = told(path, *ARMS, *two, "--covariate", "before", "--covariate", "was")
    one_for_all = told(path, *ARMS, *two, "--covariate", "before")
    alone = told(path, *ARMS, "--metric", "spend", "--covariate", "was")
    assert one_each["metrics"]["spend"] == alone["metrics"]["spend"]
    assert one_for_all["metrics"]["spend"]["interval"] == pytest.approx(one_each["metrics"]["spend"]["interval"])
    assert one_each["verdict_metric"] == "orders"


def test_an_arm_that_nobody_reached_is_seen_in_the_ratio(tmp_path: Path):
    words = ("--arm", "arm", "--control", "held", "--split", "held=0.2,treated=0.7,other=0.1", "--metric", "orders")
    found = told(csv_file(tmp_path), *words)
    assert found["n"] == {"held": 120, "other": 0, "treated": 480}
    assert {each["verdict_kind"] for each in found["verdict"].values()} == {"no_verdict"}


@pytest.mark.parametrize(
    ("columns", "words", "says"),
    [
        (
            GOOD,
            ("--metric", "order"),
            "There is no column 'order'. Did you mean 'orders'? The columns are 'person', 'arm'",
        ),
        (GOOD, ("--metric", "person"), "600 values that are not numbers (first in row 2)"),
        (with_cell("orders", 4, "1,234"), ("--metric", "orders"), "1 values that are not numbers (first in row 6)"),
        (with_cell("orders", 4, "NA"), ("--metric", "orders"), "leave a field empty"),
        (with_cell("orders", 4, "inf"), ("--metric", "orders"), "infinite, NaN or beyond 1e+60 (first in row 6)"),
        (with_cell("orders", 4, "nan"), ("--metric", "orders"), "Find the division"),
        (with_cell("orders", 4, "1e300"), ("--metric", "orders"), "beyond 1e+60"),
        (with_cell("before", 4, "-inf"), ("--metric", "orders", "--covariate", "before"), "'before' has 1 values"),
        (changed(orders=[""] * PEOPLE), ("--metric", "orders"), "'orders' has no value at all"),
        (changed(before=[""] * PEOPLE), ("--metric", "orders", "--covariate", "before"), "'before' has no value"),
        (with_cell("arm", 4, " "), ("--metric", "orders"), "1 of 600 rows have no arm in 'arm'. Who assigned"),
        (with_cell("arm", 4, "Held"), ("--metric", "orders"), "1 rows are in an arm that the split does not name"),
        (
            with_cell("person", 4, "p5"),
            ("--metric", "orders", "--unit", "person"),
            "1 people of 'person' stand in more",
        ),
        (
            with_cell("person", 4, "p3"),
            ("--metric", "orders", "--unit", "person"),
            "more than one row (first in row 5)",
        ),
        (with_cell("person", 4, ""), ("--metric", "orders", "--unit", "person"), "1 rows have nothing in 'person'"),
        (GOOD, ("--metric", "orders", "--metric", "orders"), "'orders' is named twice"),
        (GOOD, ("--metric", "orders", "--covariate", "orders"), "must come from before the experiment"),
        (GOOD, ("--metric", "arm"), "cannot be the column of the arms"),
        (GOOD, ("--metric", "orders", "--covariate", "before", "--covariate", "person"), "2 covariates for 1 metrics"),
        ({name: [] for name in GOOD}, ("--metric", "orders"), "There is no row"),
        (GOOD, ("--metric", "orders", "--delimiter", "ab"), "must be one character"),
        (GOOD, ("--metric", "orders", "--delimiter", ";"), "There is no column 'arm'. The columns are 'person,arm"),
        (GOOD, ("--metric", "orders", "--encoding", "klingon"), "There is no encoding named klingon"),
    ],
)
def test_what_cannot_be_believed_is_refused_with_what_to_do(
    tmp_path: Path, columns: Columns, words: Sequence[str], says: str
):
    assert says in refused(csv_file(tmp_path, columns), *ARMS, *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--control", "Held"), "Nobody is in the control 'Held'; the arms are 'held', 'treated'."),
        (("--control", "held", "--split", "treated=1"), "says nothing of the control 'held'"),
        (("--control", "held", "--split", "held=0.2,treated=0.9"), "add up to 1.1, must be 1"),
        (("--control", "held", "--split", "held=0.2,treated"), "'treated', must be VALUE=SHARE"),
        (("--control", "held", "--split", "held=0,treated=1"), "The share of 'held' is 0.0, must be > 0 and < 1"),
        (("--control", "held", "--split", "held=nan,treated=1"), "'held=nan', must be VALUE=SHARE"),
        (("--control", "held", "--split", "held=0.5,held=0.5"), "names 'held' twice"),
        (("--control", "held", "--split", ""), "says nothing of the control"),
    ],
)
def test_a_split_or_a_control_that_does_not_fit_is_refused(tmp_path: Path, words: Sequence[str], says: str):
    assert says in refused(csv_file(tmp_path), "--arm", "arm", "--metric", "orders", *words)


def test_a_column_of_people_is_no_column_of_arms(tmp_path: Path):
    words = ("--arm", "person", "--control", "p1", "--metric", "orders")
    assert "600 different values, at most 20 arms" in refused(csv_file(tmp_path), *words)


def test_a_single_arm_has_nothing_to_be_held_against(tmp_path: Path):
    path = csv_file(tmp_path, changed(arm=["held"] * PEOPLE))
    assert "nothing to compare" in refused(path, "--arm", "arm", "--control", "held", "--metric", "orders")


def test_a_broken_line_is_refused_and_named(tmp_path: Path):
    path = csv_file(tmp_path)
    path.write_text(path.read_text() + "p600,held,1\n")
    assert "1 lines of people.csv cannot be read, the first is line 602: 3 fields" in refused(
        path, *ARMS, "--metric", "orders"
    )


@pytest.mark.parametrize(
    ("name", "body"), [("gone.csv", None), ("empty.csv", b""), ("a.parquet", b"PAR"), ("a.xls", b"1")]
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, body: bytes | None):
    path = tmp_path / name
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(FileError, match=name):
        CliRunner().invoke(app, ["experiment", "analyse", str(path), *ARMS, "--metric", "m"], catch_exceptions=False)


def test_odd_names_and_scripts_are_taken_as_they_are(tmp_path: Path):
    odd = {
        '组 "别"; --': ["对照"] * 50 + ["=cmd()"] * 50,
        "[red]单数, {0}": [number % 9 for number in range(100)],
    }
    path = csv_file(tmp_path, odd, encoding="gb18030", delimiter=";")
    words = ("--arm", '组 "别"; --', "--control", "对照", "--metric", "[red]单数, {0}", "--encoding", "gb18030")
    found = told(path, *words, "--delimiter", ";", "--split", "对照=0.5,=cmd()=0.5")
    assert found["n"] == {"对照": 50, "=cmd()": 50}
    assert "[red]单数" in ran(path, *words, "--delimiter", ";")


def test_names_from_a_file_cannot_write_on_the_terminal(tmp_path: Path):
    evil = "\x1b[2J\x1b[31mtreated\u202e"
    path = csv_file(tmp_path, changed(arm=[evil if arm == "treated" else arm for arm in ARM]))
    shown = ran(path, "--arm", "arm", "--control", "held", "--split", f"held=0.2,{evil}=0.8", "--metric", "orders")
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[2J" in shown


def test_values_of_people_never_stand_in_an_error(tmp_path: Path):
    path = csv_file(tmp_path, with_cell("orders", 4, "ada@example.com") | {"person": ["ada@example.com"] * PEOPLE})
    for words in (("--metric", "orders"), ("--metric", "before", "--unit", "person")):
        assert "ada" not in refused(path, *ARMS, *words)


def test_an_a_a_test_says_that_nobody_was_treated(tmp_path: Path):
    path = csv_file(tmp_path, changed(orders=BEFORE.tolist()))
    assert "No effect that this test could see. Nobody was treated" in " ".join(
        ran(path, *ARMS, "--metric", "orders", "--aa").split()
    )
    alarm = told(csv_file(tmp_path), *ARMS, "--metric", "orders", "--covariate", "before", "--aa")
    assert alarm["verdict"].startswith("A false alarm, as expected in 1 of 20 such tests.")


def test_too_few_people_give_no_verdict_yet(tmp_path: Path):
    few = {name: cells[:100] for name, cells in GOOD.items()}
    found = told(csv_file(tmp_path, few), *ARMS, "--metric", "orders")
    assert (found["n"]["held"], found["verdict_kind"]) == (20, "too_early")
    assert found["metrics"]["orders"]["interval"] is not None


def test_a_metric_that_is_the_same_for_everybody_has_no_interval(tmp_path: Path):
    path = csv_file(tmp_path, changed(orders=[0] * PEOPLE))
    found = told(path, *ARMS, "--metric", "orders", "--covariate", "before")
    assert (found["metrics"]["orders"]["interval"], found["verdict_kind"]) == (None, "too_early")
    assert "—" in ran(path, *ARMS, "--metric", "orders")


def test_one_row_beyond_all_others_is_told(tmp_path: Path):
    path = csv_file(tmp_path, with_cell("orders", 4, 50_000))
    figures = told(path, *ARMS, "--metric", "orders")["metrics"]["orders"]
    skewness = stats.skew(np.where(np.arange(PEOPLE) == 4, 50_000, ORDERS)[ARM == "treated"], bias=False)
    assert figures["people_wanted"] == math.ceil(355 * skewness**2) > 100_000
    shown = " ".join(ran(path, *ARMS, "--metric", "orders").split())
    assert "orders: 120 people are few for values as skewed as these" in shown
    even = changed(orders=[(number * 7) % 11 for number in range(PEOPLE)])
    assert "skewed" not in ran(csv_file(tmp_path, even), *ARMS, "--metric", "orders")
