"""Commands that bring data in and out: `import`, `replay`, `anchor`, `remove`; `export` has a file of its own."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from keyuan.cli.output import AsJson, DataDir, answer, tell


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
