"""Locks of a table's folder. They are the kernel's (flock): who is killed lets go of them by dying.

`writing`: one writer at a time, because old log files are removed and a late writer could take the number of one.
`files`: whoever reads shares it, whoever removes files has it alone.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_WRITING = ".writing.lock"
_FILES = ".files.lock"


@contextmanager
def writing(folder: Path) -> Generator[None, None, None]:
    """Be the only one that writes a table."""
    with _locked(folder / _WRITING, fcntl.LOCK_EX):
        yield


@contextmanager
def reading(folder: Path) -> Generator[None, None, None]:
    """Keep the files of a table where they are."""
    with _locked(folder / _FILES, fcntl.LOCK_SH):
        yield


@contextmanager
def removing(folder: Path) -> Generator[None, None, None]:
    """Remove files while nobody reads."""
    with _locked(folder / _FILES, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(path: Path, kind: int) -> Generator[None, None, None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)
