"""`keyuan rule`: try a rule of the segment language on rows of one's own."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from keyuan.cli.output import AsJson, DataDir, answer

app = typer.Typer(no_args_is_help=True)


class Engine(StrEnum):
    """Where a rule is evaluated; all give the same answer."""

    CLOSURE = "closure"
    POSTGRES = "postgres"
    DUCKDB = "duckdb"


@app.callback()
def rules() -> None:
    """Rules of segments."""


# A rule may begin with a minus, which is no option.
@app.command("eval", context_settings={"ignore_unknown_options": True})
def evaluate_rule(
    expression: Annotated[str, typer.Argument(help="The rule, for instance 'recency_days <= 30'.")],
    rows: Annotated[Path, typer.Option("--rows", help="A JSONL file, one object per row.")],
    engine: Annotated[Engine, typer.Option("--engine", help="Where to evaluate.")] = Engine.CLOSURE,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print one of true, false and null per row."""
    from keyuan.segments.rules import compile_rule, read_rows
    from keyuan.segments.rules.evaluate import evaluate

    table = read_rows(rows)
    rule = compile_rule(expression, table.columns)
    if engine is Engine.POSTGRES:
        from keyuan.app.installation import opened
        from keyuan.kernel.config import load_settings

        with (
            opened(load_settings(data)) as installation,
            installation.database.transaction(installation.tenant) as session,
        ):
            result = evaluate(rule, table, engine.value, session)
    else:
        result = evaluate(rule, table, engine.value)
    words = {True: "true", False: "false", None: "null"}
    answer(result, as_json, lambda: "\n".join(words[each] for each in result))
