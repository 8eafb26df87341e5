"""Who uses a data folder: every command holds a shared lock on it, so that the last one out stops what runs.

The lock is the kernel's (flock): a killed process lets go of it by dying, whatever it was doing.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from keyuan.kernel.errors import RefusedError

_USERS = "users.lock"
_SERVER = "server.lock"
_TRIES = 5
_TRY_AGAIN_S = 0.05


class AlreadyServedError(RefusedError):
    """Another `keyuan up` or `keyuan demo` serves this data folder; stop it first, or use another --data folder."""


class Use:
    """A place among the users of a data folder."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def leave(self) -> bool:
        """Give up the place; return whether it was the last one. Until this use ends, nobody can then begin one.

        Changing a lock from shared to exclusive lets go of it first (flock(2)), so of two that leave at the same
        time one is the last, never none.
        """
        with suppress(BlockingIOError):
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False


@contextmanager
def used(folder: Path) -> Generator[Use, None, None]:
    """Be one of the users of a data folder."""
    handle = os.open(folder / _USERS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield Use(handle)
    finally:
        os.close(handle)


@contextmanager
def served(folder: Path) -> Generator[None, None, None]:
    """Be the one that serves a data folder.

    Raises:
        AlreadyServedError: somebody serves it already.
    """
    handle = _server_lock(folder)
    try:
        for left in reversed(range(_TRIES)):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if left == 0:
                    raise AlreadyServedError(folder=folder) from None
                time.sleep(_TRY_AGAIN_S)  # perhaps somebody only asks who serves
        yield
    finally:
        os.close(handle)


def is_served(folder: Path) -> bool:
    """Return whether an `up` or `demo` serves a data folder now."""
    handle = _server_lock(folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def _server_lock(folder: Path) -> int:
    return os.open(folder / _SERVER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
