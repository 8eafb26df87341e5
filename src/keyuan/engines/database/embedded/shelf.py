"""Root's shelf `/var/lib/keyuan`: clusters by the hash of their data folder, and one copy of the programs for all.

For an ordinary user the programs are used where the wheel put them and nothing of this exists.
"""

import os
import shutil
from pathlib import Path

from keyuan.engines.database.embedded.layout import Layout, make_folder
from keyuan.engines.database.embedded.locks import locked
from keyuan.engines.database.embedded.pointer import SHELF
from keyuan.engines.database.embedded.programs import copied, installed

_PROGRAMS = SHELF / "programs"
_LOCK = SHELF / "programs.lock"
_COPY_TIMEOUT_S = 120.0


def programs_of(layout: Layout) -> Path:
    """The `bin` folder for this cluster; its home must exist, so that nobody tidies the copy away meanwhile."""
    found = installed(layout.major)
    if os.geteuid() != 0:
        return found
    make_folder(SHELF, 0o755)
    with locked(_LOCK, _COPY_TIMEOUT_S):
        make_folder(_PROGRAMS, 0o755)
        return copied(found, _PROGRAMS)


def is_abandoned(layout: Layout) -> bool:
    """Whether the data folder was deleted and begun anew: its cluster is there, pointer and passwords are not."""
    return layout.on_shelf and layout.data.exists() and not (layout.pointer.exists() or layout.key_files())


def set_aside(layout: Layout) -> None:
    """Keep an abandoned cluster as `<home>.old`, so that it can be looked at; only the last one is kept."""
    if layout.set_aside.exists():
        shutil.rmtree(layout.set_aside)
    layout.home.rename(layout.set_aside)


def delete(layout: Layout) -> None:
    """Delete the cluster, its pointer and its passwords; with root's last cluster the copy of the programs too."""
    for folder in (layout.home, layout.sockets, layout.set_aside):
        if folder.exists():
            shutil.rmtree(folder)
    for path in (layout.pointer, *layout.key_files()):
        path.unlink(missing_ok=True)
    if os.geteuid() == 0 and SHELF.exists():
        with locked(_LOCK, _COPY_TIMEOUT_S):
            if not any(path.is_dir() for path in SHELF.iterdir() if path != _PROGRAMS):
                shutil.rmtree(_PROGRAMS, ignore_errors=True)
