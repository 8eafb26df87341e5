"""Which file on disk is meant by a name in a mapping; and its digest.

A name may leave out its ending: `transactions` is `transactions.parquet`, `.csv`, `.tsv`, `.jsonl` or `.ndjson`.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from keyuan.engines.files.model import FileError, Format

_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def format_of(path: Path) -> Format:
    """Return the format that a file's ending says.

    Raises:
        FileError: an ending that is not known.
    """
    known = _FORMATS.get(path.suffix.lower())
    if known is None:
        raise FileError(f"{path.name}: the ending must be one of {', '.join(_FORMATS)}.")
    return known


def locate(name: str, where: Path | Sequence[Path], *, only_one: bool) -> Path:
    """Return the file that a name stands for, in a folder or among files given by hand.

    `only_one`: the mapping names one file only, so a single file given by hand is it, whatever it is called.

    Raises:
        FileError: there is none, or more than one.
    """
    given = [where] if isinstance(where, Path) else list(where)
    for path in given:
        if not path.exists():
            raise FileError(f"There is no file or folder {path}.")
    if only_one and len(given) == 1 and given[0].is_file():
        return given[0]
    # A lookup file that was not given by hand may lie beside one that was.
    candidates = [path for path in given if path.is_file()]
    found = [path for path in candidates if _is(path, name)]
    if not found:
        folders = dict.fromkeys(path if path.is_dir() else path.parent for path in given)
        found = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file() and _is(path, name)]
    if not found:
        raise FileError(f"The mapping names the file {name}, but there is none in {', '.join(map(str, given))}.")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise FileError(f"The mapping names the file {name}, which could be {names}: write its ending.")
    return found[0]


def file_digest(path: Path) -> bytes:
    """Return the sha256 of a file's content."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from None


def _is(path: Path, name: str) -> bool:
    return path.name == name or (path.stem == name and path.suffix.lower() in _FORMATS)
