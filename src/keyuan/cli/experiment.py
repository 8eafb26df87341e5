"""`keyuan experiment`: what arms say, of anybody's file with one row per person, and of a campaign of ours."""

import csv
import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keyuan.cli.output import AsJson, DataDir, answer

if TYPE_CHECKING:
    from keyuan.experiments.model import Design, Metric, Observed

app = typer.Typer(no_args_is_help=True)


class Language(StrEnum):
    """In which language the verdict is told."""

    EN = "en"
    ZH = "zh"


@app.callback()
def experiments() -> None:
    """Experiments."""


@app.command("analyse")
def analyse_file(  # noqa: PLR0913, PLR0917  # they are the options of the command
    file: Annotated[Path, typer.Argument(help="A CSV, JSONL or Parquet file, one row per person.")],
    arm: Annotated[str, typer.Option("--arm", help="The column of arms.", metavar="COL")],
    control: Annotated[str, typer.Option("--control", help="The arm without the treatment.", metavar="VALUE")],
    metric: Annotated[
        list[str], typer.Option("--metric", help="A column of numbers; the verdict is on the first.", metavar="NAME")
    ],
    covariate: Annotated[
        list[str] | None,
        typer.Option("--covariate", help="A column from before: one for all metrics, or one for each.", metavar="COL"),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="The shares of the arms (default: equal).", metavar="VALUE=SHARE,…")
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="The column that tells people apart; it is checked.", metavar="COL")
    ] = None,
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="Less of the first metric is good.")
    ] = False,
    nobody_treated: Annotated[bool, typer.Option("--aa", help="An A/A test: nobody was treated.")] = False,
    delimiter: Annotated[str | None, typer.Option("--delimiter", help="Of a CSV file (default: a comma).")] = None,
    encoding: Annotated[str, typer.Option("--encoding", help="Of a CSV file, such as gb18030.")] = "utf-8",
    language: Annotated[Language, typer.Option("--language", help="Of the verdict.")] = Language.EN,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what the arms say: differences with intervals, the sample-ratio check, and the verdict in words."""
    from keyuan.experiments.model import Design

    _ = data  # nothing is kept, so no data folder is needed; every command has the option
    design = Design(
        arm=arm,
        control=control,
        metrics=_metrics(metric, covariate or [], lower_is_better=lower_is_better),
        shares=None if split is None else _shares(split),
        unit=unit,
        nobody_treated=nobody_treated,
    )
    observed = _observed(file, design, delimiter, encoding)
    from keyuan.cli.experiment_shown import show
    from keyuan.experiments.analysis import analyse
    from keyuan.experiments.report import report

    analysis = analyse(design, observed)
    if as_json:
        answer(report(design, analysis), as_json, str)
    else:
        show(design, analysis, language.value)


@app.command("report")
def report_kept(
    name: Annotated[str, typer.Argument(help="The campaign.")],
    language: Annotated[Language, typer.Option("--language", help="Of the verdict.")] = Language.EN,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print what a launched campaign has done, as it was measured last."""
    from keyuan.app.installation import opened
    from keyuan.experiments.model import NotMeasuredError
    from keyuan.experiments.reads import experiment, reading
    from keyuan.kernel.config import load_settings

    with opened(load_settings(data)) as installation, installation.session() as session:
        experiment(session, name)
        last = reading(session, name)
    if last is None:
        raise NotMeasuredError(experiment=name)
    if as_json:
        answer(last.body | {"read_at": last.read_at.isoformat()}, as_json, str)
        return
    from keyuan.cli.experiment_shown import show
    from keyuan.experiments.report import read_back

    since, until = last.body["window"]
    answer(None, False, lambda: f"{name}, orders from {since} to {until}, as of {last.body['as_of']}\n")
    show(*read_back(last.body), language.value)


def _observed(file: Path, design: "Design", delimiter: str | None, encoding: str) -> "Observed":
    from keyuan.engines.files import Table, format_of
    from keyuan.engines.files.expressions import Expressions
    from keyuan.experiments.fetch import fetch
    from keyuan.experiments.model import DesignError
    from keyuan.experiments.rows import check_columns, columns_of

    named = "\t" if file.suffix.lower() == ".tsv" else ","
    table = Table(
        name="people",
        path=file,
        format=format_of(file),
        encoding=encoding,
        delimiter=_one_character(delimiter) if delimiter is not None else named,
    )
    with Expressions(size_bytes=file.stat().st_size if file.is_file() else 0) as files:
        people, opened = files.table(table, columns_of(design))
        check_columns(design, opened.columns)
        if opened.rejects:
            first = opened.rejects[0]
            raise DesignError(
                f"{len(opened.rejects)} lines of {file.name} cannot be read, the first is line {first.line}:"
                f" {first.why}. Correct them; leaving people out would make the comparison unfair."
            )
        with files.asking():
            return fetch(people, design)


def _one_character(delimiter: str) -> str:
    from keyuan.experiments.model import DesignError

    character = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    if len(character) != 1 or character in '"\r\n\0':
        raise DesignError(f"--delimiter {delimiter!r} must be one character, or tab.")
    return character


def _metrics(columns: Sequence[str], covariates: Sequence[str], *, lower_is_better: bool) -> tuple["Metric", ...]:
    """Pair metrics with covariates: one for all, or one for each in the same order."""
    from keyuan.experiments.model import DesignError, Metric

    if len(covariates) not in {0, 1, len(columns)}:
        raise DesignError(
            f"{len(covariates)} covariates for {len(columns)} metrics: give one for all, or one for each in order."
        )
    paired = list(covariates) if len(covariates) == len(columns) else [*covariates, None][:1] * len(columns)
    return tuple(
        Metric(column=column, covariate=before, lower_is_better=lower_is_better and number == 0)
        for number, (column, before) in enumerate(zip(columns, paired, strict=True))
    )


def _shares(split: str) -> dict[str, float]:
    """Read `control=0.2,treated=0.8`; a value with a comma is quoted as in CSV."""
    from keyuan.experiments.model import DesignError

    shares: dict[str, float] = {}
    for pair in [pair for line in csv.reader([split]) for pair in line]:
        value, equals, share = pair.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = math.nan
        if not equals or not math.isfinite(number):
            raise DesignError(f"--split has {pair!r}, must be VALUE=SHARE such as control=0.2.")
        if value in shares:
            raise DesignError(f"--split names {value!r} twice.")
        shares[value] = number
    return shares
