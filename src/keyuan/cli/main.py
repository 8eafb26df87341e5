"""The `keyuan` command and its children."""

import typer

from keyuan.cli import data, experiment, export, inspect, prove, rule, serve
from keyuan.cli.output import stop_cleanly_on_signals, told_errors

app = typer.Typer(
    name="keyuan",
    help="Keyuan 客缘: consented portraits, measured incentives and points that anybody can check.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("up")(serve.up)
app.command("demo")(serve.demo)
app.command("fork-server", hidden=True)(serve.fork_server)
app.command("import")(data.import_file)
app.command("replay")(data.replay)
app.command("anchor")(data.anchor)
app.command("remove")(data.remove)
app.command("verify")(inspect.verify)
app.command("audit")(prove.audit)
app.command("doctor")(inspect.doctor)
app.add_typer(
    export.app, name="export", help="Write files: of a person, the ledger, a segment; proofs and their verifier."
)
app.add_typer(experiment.app, name="experiment", help="Experiments: what the arms say.")
app.add_typer(rule.app, name="rule", help="Rules of segments.")
app.add_typer(inspect.config_app, name="config", help="Configuration.")


def main() -> None:
    """Run the command line; our errors become a line and an exit code."""
    with told_errors():
        stop_cleanly_on_signals()
        app()
