"""The artifacts are what the compiler makes of the sources, today and on this machine, and they travel in the wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from keyuan.contracts.artifacts import NAMES, Name
from keyuan.contracts.compile import ARTIFACTS, SOURCES, artifact

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", NAMES)
def test_compiling_again_gives_the_same_bytes(name: Name, tmp_path: Path):
    # From a copy elsewhere, so that no path gets into the code.
    for source in SOURCES.glob("*.vy"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    assert artifact(name, tmp_path) == (ARTIFACTS / f"{name}.json").read_text(), "run `make contracts`"


def test_every_source_names_the_compiler_and_its_licence():
    for source in SOURCES.glob("*.vy"):
        text = source.read_text()
        assert text.startswith("# pragma version 0.4.3\n")
        assert "@license Apache-2.0" in text


@pytest.mark.parametrize("source", sorted(SOURCES.glob("*.vy")), ids=lambda source: source.stem)
def test_every_function_that_others_call_is_explained(source: Path):
    blocks = source.read_text().split("@external\n")[1:]
    assert [block for block in blocks if "@notice" not in block.split("\n\n\n")[0]] == []


def test_a_wheel_holds_sources_and_artifacts(tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    copied = tmp_path / "project"
    copied.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (copied / name).write_bytes((ROOT / name).read_bytes())
    for path in (ROOT / "src" / "keyuan" / "contracts").rglob("*.*"):
        if path.suffix in {".py", ".vy", ".json"}:
            target = copied / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (copied / "src" / "keyuan" / "__init__.py").write_text("")
    subprocess.run([*command, "-w", str(tmp_path), str(copied)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name.rpartition("/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    assert {"LedgerAnchor.json", "ProgramTerms.json", "LedgerAnchor.vy", "ProgramTerms.vy", "publishing.vy"} <= held
