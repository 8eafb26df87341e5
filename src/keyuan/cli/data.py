"""Commands that bring data in and out: `import`, `replay`, `anchor`, `export`, `remove`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from keyuan.cli.output import AsJson, DataDir, answer, tell


class Kind(StrEnum):
    """What can be exported."""

    PERSON = "person"
    LEDGER = "ledger"
    SEGMENT = "segment"


def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV, JSONL or Parquet file, or a folder of them.")],
    mapping: Annotated[Path, typer.Option("--map", help="The mapping file (TOML): which column becomes what.")],
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Bring a file in as events; run again after a failure, it goes on where it was."""
    from keyuan.app.importing import import_with_progress
    from keyuan.app.installation import opened
    from keyuan.kernel.config import load_settings

    with opened(load_settings(data), progress=tell) as installation:
        report = import_with_progress(installation, mapping, file)
    answer(report, as_json, lambda: _lines(report))


def _lines(report: dict[str, Any]) -> str:
    return "\n".join(f"{name.replace('_', ' ')}: {_said(each)}" for name, each in report.items())


def _said(value: Any) -> str:
    """Say a count, a yes or no, names, or each of these by name."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        return ", ".join(f"{name} ({_said(each)})" for name, each in named.items()) or "none"
    return ", ".join(cast("list[str]", value)) if isinstance(value, list) else str(value)


def replay(
    reason: Annotated[str | None, typer.Option("--reason", help="Only events refused for this reason.")] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Try quarantined events again; what has taken effect already does not do so twice."""
    from keyuan.app.importing import catch_up
    from keyuan.app.installation import opened
    from keyuan.flows.replay import replay as replay_all
    from keyuan.kernel.config import load_settings

    with opened(load_settings(data), progress=tell) as installation:
        result = replay_all(installation.database, installation.secrets, installation.tenant, reason=reason)
        catch_up(installation)
    value = result._asdict()
    answer(value, as_json, lambda: "\n".join(f"{name.replace('_', ' ')}: {count}" for name, count in value.items()))


def anchor(data: DataDir = None, as_json: AsJson = False) -> None:
    """Close epochs, let the deployed terms compute every award again, and commit to all of it on the chain."""
    from keyuan.app.anchoring import bring_to_chain
    from keyuan.app.installation import opened
    from keyuan.kernel.config import load_settings

    with opened(load_settings(data), progress=tell) as installation:
        found = bring_to_chain(installation, lambda done, total: tell(f"{done} of {total} epochs") if total else None)
    answer(
        found, as_json, lambda: "\n".join(f"{name.replace('_', ' ')}: {_said(each)}" for name, each in found.items())
    )


def export(
    kind: Annotated[Kind, typer.Argument(help="What to export.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write (JSON for a person, else CSV).")],
    person: Annotated[str | None, typer.Option("--person", help="userId, for instance household:2.")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="The segment's name.")] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write what is kept of a person, the entries of the ledger, or the people of a segment to a file."""
    from keyuan.app.exporting import export_to
    from keyuan.app.installation import opened
    from keyuan.kernel.config import load_settings

    with opened(load_settings(data)) as installation:
        rows = export_to(installation, kind.value, out, person=person, segment=segment)
    answer({"out": str(out), "rows": rows}, as_json, lambda: f"{rows} written to {out}")


def remove(
    data: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a data folder with everything in it: database, keys, settings. There is no undo."""
    from keyuan.app.removing import remove_all
    from keyuan.kernel.config import load_settings

    folder = load_settings(data).data_dir.resolve()
    if not yes:
        typer.confirm(f"Delete {folder} with its database and keys? There is no undo.", abort=True, err=True)
    remove_all(folder)
    answer({"removed": str(folder)}, as_json, lambda: f"{folder} is gone.")
