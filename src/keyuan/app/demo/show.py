"""How the demo is shown: a bar per stage while it works, then what it found, in words."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from keyuan.app.demo.job import Report
from keyuan.app.demo.story import VOUCHER_POINTS

_NAMES = {
    "start": "Start PostgreSQL and our processes",
    "consent": "Record consents",
    "import": "Import a year of purchases",
    "process": "Take in what is still waiting",
    "portraits": "Bring every portrait to 2 January 2018",
    "expiry": "Let points expire",
    "second way": "Compute everything a second way and compare",
    "campaign": "Launch a campaign as of 1 October 2017",
    "mail": "Send its letters to the sink",
    "verify": "Rebuild the ledger from its entries",
    "anchor": "Compute every award again by contract, and anchor",
    "proof": "Check a customer's proof with the stand-alone verifier",
    "insight": "Ask the lake",
    "experiment": "Hold the campaign against its hold-out",
    "figures": "Count",
}


@contextmanager
def bars() -> Generator[Report, None, None]:
    """Show a bar per stage on standard error; without a terminal, a line when a stage ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _told
        return
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(_NAMES.get(stage, stage), total=None)
            task = tasks[stage]
            if (done, total) == (1, 1):
                known = progress.tasks[task].total or 1
                progress.update(task, total=known, completed=known)
            elif total:
                progress.update(task, completed=done, total=total)

        yield report


def _told(stage: str, done: int, total: int) -> None:
    if (done, total) == (1, 1):
        sys.stderr.write(f"{_NAMES.get(stage, stage)}: done\n")
        sys.stderr.flush()


def _proved(figures: dict[str, Any]) -> str:
    """Say what is committed to, and where; nothing is where the chain is switched off."""
    if not figures["anchored"]:
        return "The chain is switched off: nothing is anchored."
    return (
        f"{figures['movements']:,} movements stand in {figures['epochs']} epochs; the deployed contract computed "
        f"{figures['terms_checked']:,} awards again, all the same.\n"
        f"The commitments are in LedgerAnchor at {figures['contracts']['LedgerAnchor']}, on a chain {figures['chain']}."
        "\n"
        f"The proof of {figures['proof_of']}, checked by the stand-alone verifier: "
        + ("[bold]PASS[/]" if figures["proof_ok"] else "[red]FAIL[/]")
    )


def _judged(experiment: dict[str, Any]) -> str:
    """Say what the campaign has done; without the lake, or with nobody in its segment, it is not measured."""
    if not experiment:
        return "The campaign is not measured: the lake is switched off, or nobody was in its segment."
    held, everybody = experiment["n"][experiment["control"]], sum(experiment["n"].values())
    seen = experiment["metrics"][experiment["verdict_metric"]]
    between = "" if seen["interval"] is None else " (95% interval {:+.2f} to {:+.2f})".format(*seen["interval"])
    return (
        f"The campaign {experiment['campaign']} counts {everybody - held:,} treated people against {held:,} held out: "
        f"{seen['difference']:+.2f} orders each{between}.\n{experiment['verdict']}"
    )


def found(figures: dict[str, Any], *, changed: bool) -> None:
    """Print what the demo found, for people; `changed` says whether this run took anything in."""
    console = Console(highlight=False)
    if not changed:
        console.print("Everything was there already: this run took nothing in, it only counted and checked.")
    money = f"${figures['sales_minor'] / 100:,.2f}"
    console.print(
        f"\n[bold]{figures['people']:,}[/] customers placed [bold]{figures['orders']:,}[/] orders "
        f"({figures['lines']:,} lines, {money}) in 2017.\n"
        f"{figures['personalised']:,} agreed to a portrait, {figures['members']:,} are members of Keyuan Market.\n"
        f"{figures['points_issued']:,} points were issued in {figures['awards']:,} awards; "
        f"{figures['points_expired']:,} expired, {figures['points_owed']:,} are owed.\n"
        f"{figures['points_redeemed']:,} were redeemed for vouchers by a made-up rule: {VOUCHER_POINTS:,} at a time, "
        "on the first of each month."
    )
    console.print(
        "The ledger rebuilt from its entries: " + ("[bold]PASS[/]" if figures["rebuild_ok"] else "[red]FAIL[/]")
    )
    console.print(_proved(figures))
    console.print(_judged(figures["experiment"]))
    table = Table(title=f"Segments as of {figures['as_of'][:10]}", box=None, title_justify="left")
    table.add_column("segment")
    table.add_column("people", justify="right")
    table.add_column("rule")
    for name, size in figures["segments"].items():
        table.add_row(name, f"{size:,}", figures["segment_rules"][name])
    console.print(table)
    seconds = figures["seconds"]
    console.print(f"Took {seconds['total']:.0f} s and at most {figures['peak_mb']:,.0f} MB.")
