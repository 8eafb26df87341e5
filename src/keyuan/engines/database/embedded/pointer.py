"""Which cluster on root's shelf belongs to which data folder, also after one of them was moved, copied or deleted.

The data folder has a pointer (`postgres.json`), the cluster's home a note of the folder (`data_dir`). The pointer is
written when the cluster is whole, so one that leads nowhere means a loss and not a first start.
"""

import hashlib
import itertools
import json
import os
from pathlib import Path

from keyuan.kernel.errors import EngineError

SHELF = Path("/var/lib").resolve() / "keyuan"
_NOTE = "data_dir"


class PointerError(EngineError):
    """The pointer of a data folder cannot be followed."""


def pointer_of(data_dir: Path) -> Path:
    """The file that says where root's cluster is."""
    return data_dir / "postgres.json"


def name_of(path: Path) -> str:
    """A short name for a folder: 16 hex digits."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def home_on_shelf(data_dir: Path) -> Path:
    """The home of this data folder's cluster: where the pointer leads, else the one that its name gives.

    Raises:
        PointerError: the folder is a copy of one that still has the cluster.
    """
    if pointer_of(data_dir).exists():
        return _followed(data_dir)
    name = name_of(data_dir)
    homes = (SHELF / (f"{name}-{again}" if again else name) for again in itertools.count())
    # The name is taken when the folder that was here has moved away and took its cluster along.
    return next(home for home in homes if not _is_anothers(home, data_dir))


def point(data_dir: Path, home: Path) -> None:
    """Write the pointer and the note."""
    _write(home / _NOTE, os.fsencode(data_dir))
    text = json.dumps({"data_dir": str(data_dir), "cluster": str(home)}, ensure_ascii=True)
    _write(pointer_of(data_dir), text.encode("ascii"))


def _followed(data_dir: Path) -> Path:
    origin, home = _read(data_dir)
    if home.parent != SHELF:
        raise PointerError(f"{pointer_of(data_dir)} leads outside {SHELF}: restore it from your backup.")
    if origin != data_dir and _leads_to(origin, home):
        raise PointerError(f"{data_dir} is a copy of {origin}, and the database belongs to {origin}.")
    return home


def _is_anothers(home: Path, data_dir: Path) -> bool:
    note = home / _NOTE
    holder = Path(os.fsdecode(note.read_bytes())) if note.exists() else data_dir
    return holder != data_dir and _leads_to(holder, home)


def _leads_to(data_dir: Path, home: Path) -> bool:
    return pointer_of(data_dir).exists() and _read(data_dir)[1] == home


def _read(data_dir: Path) -> tuple[Path, Path]:
    try:
        pointer = json.loads(pointer_of(data_dir).read_bytes())
        return Path(pointer["data_dir"]), Path(pointer["cluster"])
    except (ValueError, KeyError, TypeError) as error:
        raise PointerError(f"{pointer_of(data_dir)} is damaged: restore it from your backup.") from error


def _write(path: Path, content: bytes) -> None:
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    with staging.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    staging.replace(path)
