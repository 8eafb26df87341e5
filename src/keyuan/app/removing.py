"""Deleting a data folder: the cluster wherever it lies, the keys, the rest."""

import shutil
from pathlib import Path

from keyuan.app.installation import KEYS
from keyuan.app.use import served, used
from keyuan.engines.database.embedded import open_cluster
from keyuan.engines.database.embedded import remove as remove_cluster
from keyuan.kernel.errors import InputError, RefusedError


class NotADataFolderError(InputError):
    """This is not a data folder of Keyuan; nothing was deleted."""


class InUseError(RefusedError):
    """A command of Keyuan works with this folder; wait for it or stop it, then try again."""


def remove_all(folder: Path) -> None:
    """Delete everything that an installation keeps.

    Raises:
        NotADataFolderError: the folder holds no keys of ours.
        InUseError: somebody uses it.
    """
    if not (folder / KEYS / "kek").is_file():
        raise NotADataFolderError(folder=folder)
    with served(folder), used(folder) as use:
        if not use.leave():
            raise InUseError(folder=folder)
        open_cluster(folder).stop()
        remove_cluster(folder)
        shutil.rmtree(folder)
