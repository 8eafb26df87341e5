"""`keyuan export`: files that are taken away, one command for each kind."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keyuan.cli.output import AsJson, DataDir, answer, tell

if TYPE_CHECKING:
    from keyuan.app.installation import Installation

app = typer.Typer(no_args_is_help=True)

Out = Annotated[Path, typer.Option("--out", help="The file to write.")]
Person = Annotated[str, typer.Option("--person", help="userId, for instance household:2.")]


@app.callback()
def export() -> None:
    """Write files: of a person, the ledger, a segment; proofs and their verifier."""


@app.command("person")
def export_person(person: Person, out: Out, data: DataDir = None, as_json: AsJson = False) -> None:
    """Write what is kept of a person: contact fields in clear, consents, portrait, points (JSON)."""
    from keyuan.app.exporting import export_person

    _rows(lambda installation: export_person(installation, person, out), out, data, as_json=as_json)


@app.command("ledger")
def export_ledger(out: Out, data: DataDir = None, as_json: AsJson = False) -> None:
    """Write all entries of the ledger (CSV)."""
    from keyuan.app.exporting import export_ledger

    _rows(lambda installation: export_ledger(installation, out), out, data, as_json=as_json)


@app.command("segment")
def export_segment(
    segment: Annotated[str, typer.Option("--segment", help="The segment's name.")],
    out: Out,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the people of a segment (CSV)."""
    from keyuan.app.exporting import export_segment

    _rows(lambda installation: export_segment(installation, segment, out), out, data, as_json=as_json)


@app.command("proof")
def export_proof(
    person: Person,
    out: Annotated[Path, typer.Option("--out", help="The file to write; with several accounts, one for each.")],
    commitments_out: Annotated[
        Path | None, typer.Option("--commitments-out", help="Write the commitments too.", show_default=False)
    ] = None,
    epoch: Annotated[
        int | None, typer.Option("--epoch", help="As of this epoch (default: the newest final on the chain).", min=1)
    ] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the proof of a person's points: her whole history, balances and terms, for anybody to check (JSON)."""
    from keyuan.app.installation import opened
    from keyuan.app.proving import export_proof
    from keyuan.cli.prove import leaves_read
    from keyuan.kernel.config import load_settings

    with opened(load_settings(data), progress=tell) as installation:
        made = export_proof(installation, person, out, commitments_out, epoch=epoch, report=leaves_read())
    answer(made, as_json, lambda: _proof_words(made))


@app.command("verifier")
def export_verifier(
    out: Out,
    data: DataDir = None,  # noqa: ARG001  # every command takes it; this one needs no data
    as_json: AsJson = False,
) -> None:
    """Write the program that checks proofs: one file for any Python 3.11 or newer, nothing to install."""
    from keyuan.app.proving import export_verifier

    size = export_verifier(out)
    answer({"out": str(out), "bytes": size}, as_json, lambda: f"{size} bytes written to {out}")


def _rows(write: "Callable[[Installation], int]", out: Path, data: Path | None, *, as_json: bool) -> None:
    from keyuan.app.installation import opened
    from keyuan.kernel.config import load_settings

    with opened(load_settings(data)) as installation:
        rows = write(installation)
    answer({"out": str(out), "rows": rows}, as_json, lambda: f"{rows} written to {out}")


def _proof_words(made: dict[str, Any]) -> str:
    bundles, epoch = made["bundles"], made["epoch"]
    lines = [f"{len(bundles)} accounts, one file for each:"] if len(bundles) > 1 else []
    for each in bundles:
        newer = f"; {each['newer']} newer are not in it yet" if each["newer"] else ""
        book = f"{each['brand']}/{each['currency']}"
        lines.append(f"{each['out']}: {each['movements']} movements of {book} to epoch {epoch}{newer}")
    if made["commitments"] is not None:
        lines.append(f"{made['commitments']}: the commitments of {epoch} epochs")
    return "\n".join(lines)
