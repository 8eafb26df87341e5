"""What people take away as proofs: bundles, commitments, the verifier itself, and an audit of what a brand owes.

Checking is never done here: it is the shipped verifier that checks, the same file that a customer or an auditor runs.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from keyuan.anchor import keyuan_verify
from keyuan.anchor.keyuan_verify import Root
from keyuan.anchor.store import last_epoch
from keyuan.app.chains import read_anchored, reading
from keyuan.app.installation import Installation
from keyuan.flows.prove import NothingAnchoredError, Proof, Prover, Report, open_prover
from keyuan.kernel.errors import InputError, RefusedError

VERIFIER: Final = "keyuan_verify.py"
WHOLE, OLDER = 0, 3
_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]+")

Published = Callable[[bytes], Sequence[bytes]]
"""Gives the commitments that stand in a contract, in order."""


class NobodyTrustedError(InputError):
    """Say whom you trust: --commitments FILE, or --rpc URL --contract ADDRESS --chain-id NUMBER."""


class UncheckedError(InputError):
    """Nothing was checked: what you trust cannot be read."""


class SameFileError(InputError):
    """Give the commitments a file of their own."""


class ProofRefusedError(RefusedError):
    """What is stored here is not what was committed to."""


def _quiet(_done: int, _total: int) -> None:
    """Nobody listens."""


@contextmanager
def _prover(installation: Installation, epoch: int | None, report: Report) -> Generator[Prover]:
    with installation.session(snapshot=True) as session:
        yield open_prover(session, epoch, report)


def export_proof(
    installation: Installation,
    user_id: str,
    out: Path,
    commitments_out: Path | None = None,
    *,
    epoch: int | None = None,
    report: Report = _quiet,
) -> dict[str, Any]:
    """Write a person's bundles, one file for each account, and the commitments; return what was written.

    With one account the file is `out`; with several, brand and currency are put into its name.
    """
    with _prover(installation, epoch, report) as prover:
        proofs, commitments = prover.of_person(installation.secrets, user_id), prover.commitments()
    names = bundle_names(out, [proof[:2] for proof in proofs])
    if commitments_out in names:
        raise SameFileError
    for name, proof in zip(names, proofs, strict=True):
        _write(name, proof.file)
    if commitments_out is not None:
        _write(commitments_out, commitments)
    return {
        "epoch": len(commitments["commitments"]),
        "bundles": [_written(name, proof) for name, proof in zip(names, proofs, strict=True)],
        "commitments": None if commitments_out is None else str(commitments_out),
    }


def bundle_names(out: Path, books: Sequence[tuple[str, str]]) -> list[Path]:
    """Return the file of each account: `out`, or with several, `out` with brand and currency in its name."""
    if len(books) == 1:
        return [out]
    stems = ["-".join([out.stem, *(_NOT_IN_NAMES.sub("_", name) for name in book)]) for book in books]
    again = [stems[:place].count(stem) for place, stem in enumerate(stems)]
    ends = [f"-{count + 1}{out.suffix}" if count else out.suffix for count in again]
    return [out.with_name(stem + end) for stem, end in zip(stems, ends, strict=True)]


def _written(name: Path, proof: Proof) -> dict[str, Any]:
    return {
        "out": str(name),
        "brand": proof.brand,
        "currency": proof.currency,
        "movements": len(proof.file["leaves"]),
        "newer": proof.newer,
    }


def _write(path: Path, value: Any) -> None:
    path.write_bytes(_bytes(value))


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def export_verifier(out: Path) -> int:
    """Write the verifier as it was shipped, byte for byte, and return how many bytes it has."""
    return out.write_bytes(resources.files("keyuan.anchor").joinpath(VERIFIER).read_bytes())


class Trusted(NamedTuple):
    """Whom the one who audits trusts: a file of commitments, or a contract on a chain."""

    commitments: Path | None = None
    rpc: str | None = None
    contract: str | None = None
    chain_id: int | None = None

    def root(self) -> Root:
        """Read the root of trust.

        Raises:
            NobodyTrustedError: neither of the two was given whole, or both.
            UncheckedError: it cannot be read.
        """
        given = [each is not None for each in self[1:]]
        if any(given) == (self.commitments is not None) or any(given) != all(given):
            raise NobodyTrustedError
        try:
            if self.commitments is not None:
                return keyuan_verify.root_from_file(self.commitments)
            if not re.fullmatch("0x[0-9a-fA-F]{40}", self.contract or ""):
                raise NobodyTrustedError("--contract is 0x and 40 hex digits.")
            address = bytes.fromhex((self.contract or "")[2:])
            return keyuan_verify.root_from_chain(self.rpc or "", address, self.chain_id or 0)
        except keyuan_verify.UncheckedError as error:
            raise UncheckedError(f"Nothing was checked: {error}.") from None


def audit_brand(
    installation: Installation,
    book: tuple[str, str | None],
    root: Root,
    out: Path | None = None,
    report: Report = _quiet,
) -> dict[str, Any]:
    """Prove what a brand (and currency) owes by the newest epoch that a root of trust knows; return the sums.

    Raises:
        NothingAnchoredError: no epoch is closed here, or the contract has none.
        ProofRefusedError: what is stored here is not what was committed to.
    """
    with installation.session(snapshot=True) as session:
        newest = min(len(root.commitments), last_epoch(session))
        if not newest:
            raise NothingAnchoredError
        file = open_prover(session, newest, report).of_book(*book)
    body = _bytes(file)
    if out is not None:
        out.write_bytes(body)
    try:
        result = keyuan_verify.verify(body, root)
    except keyuan_verify.RefusedError as error:
        raise ProofRefusedError(f"Refused: {error}.") from None
    available, held, pending, debt = result.balances
    return {
        **file["book"],
        "owed": available + held,
        "available": available,
        "held": held,
        "pending": pending,
        "debt": debt,
        "accounts": result.accounts,
        "epoch": result.epoch,
        "epochs": result.epochs,
        "out": None if out is None else str(out),
    }


def proof_holds(installation: Installation, user_id: str, published: Published | None = None) -> bool:
    """Export a person's proof and run the shipped verifier on it, in an interpreter of its own.

    It must be whole by the commitments exported with it, and right by those that the contract has: `published` gives
    them; without it the installation's chain is asked, if it has one. A chain that goes on meanwhile is no fault.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = export_proof(installation, user_id, folder / "bundle.json", folder / "exported.json")
        export_verifier(folder / VERIFIER)
        exported = json.loads((folder / "exported.json").read_bytes())
        contract = bytes.fromhex(exported["contract"])
        found = _asked(installation, contract) if published is None else published(contract)
        if found is not None:
            _write(folder / "published.json", exported | {"commitments": [each.hex() for each in found]})
        bundles = [Path(bundle["out"]) for bundle in made["bundles"]]
        return all(
            _accepted(each, folder / "exported.json", WHOLE)
            and (found is None or _accepted(each, folder / "published.json", WHOLE, OLDER))
            for each in bundles
        )


def _accepted(bundle: Path, commitments: Path, *codes: int) -> bool:
    words = [sys.executable, "-I", VERIFIER, bundle.name, "--commitments", commitments.name]
    done = subprocess.run(words, cwd=bundle.parent, capture_output=True, check=False)  # noqa: S603  # our own words
    return done.returncode in codes


def _asked(installation: Installation, contract: bytes) -> Sequence[bytes] | None:
    """Return the commitments that the installation's chain has, None where there is no chain."""
    with reading(installation.settings, installation.folder) as chain:
        return None if chain is None else read_anchored(chain, contract)
