"""One at a time: a lock file held while a cluster is made, started, stopped or removed.

The kernel lets go of the lock when its holder dies, so a killed start leaves nothing to clear.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from keyuan.kernel.errors import EngineError

_POLL_S = 0.05


class LockedError(EngineError):
    """Another process is starting or stopping this PostgreSQL and did not finish in time."""


@contextmanager
def locked(path: Path, timeout_s: float) -> Generator[None, None, None]:
    """Hold the lock file; whoever comes second waits.

    Raises:
        LockedError: the other one was not done within `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if _taken(descriptor, path):
                yield
                return
        finally:
            os.close(descriptor)
        if time.monotonic() > deadline:
            raise LockedError(None, lock=path)
        time.sleep(_POLL_S)


def _taken(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # A removal deletes the file while it holds the lock: a lock on the deleted file is worth nothing.
    return path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino
