"""`keyuan audit`: what a brand owes, proved against commitments that the caller chooses."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from keyuan.cli.output import AsJson, DataDir, answer, tell

EXIT_OLDER = 3
_SAY_S = 2.0


def leaves_read() -> Callable[[int, int], None]:
    """Return what says how far reading the log is, every few seconds."""
    said_s = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said_s
        if time.monotonic() - said_s > _SAY_S:
            said_s = time.monotonic()
            tell(f"{done} of {total} leaves read")

    return report


def audit(  # noqa: PLR0913, PLR0917  # a command's options are its arguments
    brand: Annotated[str, typer.Option("--brand", help="The brand's name.")],
    currency: Annotated[
        str | None, typer.Option("--currency", help="Its points, when it has several kinds.", show_default=False)
    ] = None,
    commitments: Annotated[
        Path | None, typer.Option("--commitments", help="The commitments that you trust.", show_default=False)
    ] = None,
    rpc: Annotated[str | None, typer.Option("--rpc", help="JSON-RPC of a node that you trust.", metavar="URL")] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", help="The LedgerAnchor on its chain.", metavar="ADDRESS")
    ] = None,
    chain_id: Annotated[int | None, typer.Option("--chain-id", help="The number of its chain.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the audit file too.", show_default=False)] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Prove what a brand owes by sums over all accounts, against commitments or a chain that you trust."""
    from keyuan.app.installation import opened
    from keyuan.app.proving import Trusted, audit_brand
    from keyuan.kernel.config import load_settings

    root = Trusted(commitments, rpc, contract, chain_id).root()
    with opened(load_settings(data), progress=tell) as installation:
        found = audit_brand(installation, (brand, currency), root, out, leaves_read())
    answer(found, as_json, lambda: _words(found))
    if found["epoch"] < found["epochs"]:
        raise typer.Exit(EXIT_OLDER)


def _words(found: dict[str, Any]) -> str:
    epoch, epochs = found["epoch"], found["epochs"]
    whole = (
        f"whole: as of epoch {epoch}, the newest you trust"
        if epoch == epochs
        else f"complete to epoch {epoch} of {epochs}"
    )
    sums = f"owed {found['owed']} points = available {found['available']} + held {found['held']}"
    lines = [whole, f"{found['brand']}/{found['currency']}: {sums}, in {found['accounts']} accounts"]
    return "\n".join([*lines, f"{found['out']}: the audit file"] if found["out"] else lines)
