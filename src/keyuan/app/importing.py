"""A user's own file comes in: with a bar, through the same gate as HTTP, and is processed before the command ends."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from keyuan.app.installation import Installation
from keyuan.app.use import is_served
from keyuan.events.mapping import load_mapping
from keyuan.flows.consume import consumers
from keyuan.flows.import_file import import_files
from keyuan.kernel.clock import system_now


def import_with_progress(installation: Installation, mapping: Path, where: Path) -> dict[str, Any]:
    """Import files and return what became of their rows."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Import", total=None)
        report = import_files(
            installation.database,
            installation.secrets,
            installation.tenant,
            load_mapping(mapping),
            where,
            system_now=system_now(),
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    catch_up(installation)
    return {
        "events": report.events,
        "repeats": report.repeats,
        "quarantined": dict(report.quarantined),
        "imported_before": report.before,
        "done_before": report.done_before,
        "unused_columns": dict(report.unused),
    }


def catch_up(installation: Installation) -> None:
    """Process what is new in the log, unless a running `up` does so already."""
    if is_served(installation.folder):
        return
    every = consumers(installation.database, installation.secrets, installation.tenant)
    while sum([consumer.step() for consumer in every]):
        pass
