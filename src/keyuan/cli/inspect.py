"""Commands that look: `verify`, `doctor`, `config show`."""

from typing import Any

import typer

from keyuan.cli.output import EXIT_FAILED, AsJson, DataDir, answer

config_app = typer.Typer(no_args_is_help=True)


@config_app.callback()
def config() -> None:
    """Configuration."""


@config_app.command("show")
def config_show(data: DataDir = None, as_json: AsJson = False) -> None:
    """Print the settings in force; secrets are masked."""
    from keyuan.kernel.config import load_settings, shown

    settings = shown(load_settings(data))
    answer(settings, as_json, lambda: "\n".join(f"{name} = {value}" for name, value in settings.items()))


def verify(data: DataDir = None, as_json: AsJson = False) -> None:
    """Rebuild every balance, lot and epoch from entries alone and compare; print PASS, or the first difference."""
    from keyuan.app.anchoring import verify_anchored
    from keyuan.app.installation import opened
    from keyuan.flows.verify import verify as verify_all
    from keyuan.kernel.config import load_settings

    with opened(load_settings(data)) as installation:
        every = installation.tenants()
        reports = verify_all(installation.database, every)
        epochs = {tenant: verify_anchored(installation, tenant) for tenant in every}
    ok = all(report.ok for report in reports) and all(sound for sound, _words in epochs.values())
    words = {tenant: words for tenant, (_sound, words) in epochs.items()}
    value = {"ok": ok, "tenants": {str(report.tenant): report.words() for report in reports}, "epochs": words}
    answer(value, as_json, lambda: "\n".join([*(report.words() for report in reports), *words.values()]))
    if not ok:
        raise typer.Exit(EXIT_FAILED)


def doctor(data: DataDir = None, as_json: AsJson = False) -> None:
    """Say where everything is, whether it is sound, and how to reach the embedded PostgreSQL as its superuser."""
    from keyuan.app.checkup import checkup
    from keyuan.kernel.config import load_settings

    found = checkup(load_settings(data))
    answer(found, as_json, lambda: _as_words(found))
    if not found["ok"]:
        raise typer.Exit(EXIT_FAILED)


def _as_words(found: dict[str, Any]) -> str:
    lines = [f"{check['name']:<22} {'ok' if check['ok'] else 'FAULT'}  {check['says']}" for check in found["checks"]]
    lines += [f"to {name} PostgreSQL: {command}" for name, command in found.get("postgres", {}).items()]
    return "\n".join(lines)
