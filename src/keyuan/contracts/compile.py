"""Make the artifacts from the sources: `python -m keyuan.contracts.compile`, or `make contracts`.

For maintainers, and for whoever does not believe the artifacts: the compiler is a test tool (`vyper`, the version that
the sources name) and not needed at run time. The same sources give the same bytes on every machine.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from keyuan.contracts.artifacts import NAMES, TARGETS, Name, Target

HERE: Final = Path(__file__).parent
SOURCES: Final = HERE / "sources"
ARTIFACTS: Final = HERE / "artifacts"
OUTPUTS: Final = ("abi", "method_identifiers", "bytecode", "bytecode_runtime")


def vyper(
    name: Name, target: Target, sources: Path = SOURCES, outputs: Sequence[str] = OUTPUTS, optimise: str = "gas"
) -> dict[str, Any]:
    """Return what the compiler says of a contract, by output."""
    command = [sys.executable, "-m", "vyper.cli.vyper_compile", "-f", ",".join(outputs), "-O", optimise]
    command += ["--evm-version", target, "--disable-sys-path", "-p", ".", f"{name}.vy"]
    made = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=True)
    values = [json.loads(line) if line.startswith(("[", "{")) else line for line in made.stdout.splitlines()]
    return dict(zip(outputs, values, strict=True))


def compiler_version() -> str:
    """Return the version of the compiler with its commit."""
    command = [sys.executable, "-m", "vyper.cli.vyper_compile", "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def spelled(parameter: Mapping[str, Any]) -> str:
    """Return the canonical type of a parameter, tuples written out."""
    if not parameter["type"].startswith("tuple"):
        return parameter["type"]
    return f"({','.join(map(spelled, parameter['components']))}){parameter['type'].removeprefix('tuple')}"


def topics(abi: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the first topic of each event by its signature; the compiler brings the hash that Python lacks."""
    events = [each for each in abi if each["type"] == "event"]
    signatures = [f"{each['name']}({','.join(map(spelled, each['inputs']))})" for each in events]
    code = (
        "import sys; from vyper.utils import keccak256\nfor each in sys.argv[1:]: print(keccak256(each.encode()).hex())"
    )
    found = subprocess.run([sys.executable, "-c", code, *signatures], capture_output=True, text=True, check=True)
    return dict(zip(signatures, found.stdout.split(), strict=True))


def artifact(name: Name, sources: Path = SOURCES) -> str:
    """Return the text of a contract's artifact."""
    made = {target: vyper(name, target, sources) for target in TARGETS}
    first = made[TARGETS[0]]
    used = [f"{name}.vy", "publishing.vy"]
    whole = {
        "contract": name,
        "compiler": compiler_version(),
        "sources": {file: sha256((sources / file).read_bytes()).hexdigest() for file in used},
        "selectors": {signature: f"{int(value, 16):08x}" for signature, value in first["method_identifiers"].items()},
        "topics": topics(first["abi"]),
        "codes": {
            target: {
                "creation": made[target]["bytecode"].removeprefix("0x"),
                "runtime": made[target]["bytecode_runtime"].removeprefix("0x"),
            }
            for target in TARGETS
        },
        "abi": first["abi"],
    }
    return json.dumps(whole, indent=1) + "\n"


def main() -> None:
    """Write all artifacts."""
    ARTIFACTS.mkdir(exist_ok=True)
    for name in NAMES:
        (ARTIFACTS / f"{name}.json").write_text(artifact(name), encoding="utf-8")


if __name__ == "__main__":
    main()
