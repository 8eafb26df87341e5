"""The process tree of `up`: the fork server and its parts below one parent that watches it and PostgreSQL."""

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from keyuan.app.forkserver import WATCH_S
from keyuan.engines.database.embedded import Cluster
from keyuan.kernel.errors import EngineError, KeyuanError

_RESTART_S = 1.0
_STOP_S = 25.0
_START_S = 60.0

Tell = Callable[[str], None]
Say = Callable[[dict[str, int]], None]


class PartsNotStartedError(EngineError):
    """The processes did not start; the lines before this one say why."""


class Tree:
    """The running parts: `with Tree(...) as tree: …`; at the end all are stopped."""

    def __init__(self, cluster: Cluster | None, command: Sequence[str], tell: Tell, say: Say) -> None:
        self._cluster, self._command, self._tell, self._say = cluster, command, tell, say
        self._server: subprocess.Popen[bytes] | None = None
        self._started_at_s = 0.0
        self._line = b""
        self._pids: dict[str, int] = {}
        self._known, self._done = threading.Event(), threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        self._start()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._watcher.join()
        if self._server is None:
            return
        _close_pipes(self._server)
        try:
            self._server.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def pids(self) -> dict[str, int]:
        """Return the process numbers by name, as far as processes have started."""
        return dict(self._pids)

    def wait_started(self) -> None:
        """Wait until all parts have been started.

        Raises:
            PartsNotStartedError: it takes too long.
        """
        if not self._known.wait(_START_S):
            raise PartsNotStartedError

    def _start(self) -> None:
        self._started_at_s = time.monotonic()
        self._line = b""
        # A session of its own: Ctrl-C is the parent's business.
        self._server = subprocess.Popen(  # noqa: S603  # our own interpreter and our own words
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def _watch(self) -> None:
        while not self._done.is_set():
            try:
                if self._cluster is not None and self._cluster.ensure():
                    self._tell("PostgreSQL had died and runs again.")
            except (KeyuanError, OSError) as error:
                self._tell(f"PostgreSQL does not start: {error}")
            if not self._listen():
                self._start_again()

    def _listen(self) -> bool:
        """Take in what the fork server says within a moment; return whether it lives."""
        if self._server is None or self._server.stdout is None:
            return self._done.wait(WATCH_S)
        if not select.select([self._server.stdout], [], [], WATCH_S)[0]:
            return True
        found = os.read(self._server.stdout.fileno(), 65536)
        *lines, self._line = (self._line + found).split(b"\n")
        for line in lines:
            self._pids = json.loads(line)
            self._known.set()
            try:
                self._say(self.pids())
            except OSError as error:  # a full disk, say: who watches goes on
                self._tell(f"The numbers of processes cannot be told: {error}")
        return found != b""

    def _start_again(self) -> None:
        """Start the fork server; without memory or a process number for it, the next round tries again."""
        wait_s = self._started_at_s + _RESTART_S - time.monotonic()
        if self._done.wait(max(wait_s, 0)):
            return
        self._tell("The fork server had died and is started again.")
        try:
            if self._server is not None:
                _close_pipes(self._server)
                self._server.wait()
                self._server = None
            self._start()
        except OSError as error:
            self._tell(f"The fork server does not start: {error}")


def _close_pipes(server: "subprocess.Popen[bytes]") -> None:
    for pipe in (server.stdin, server.stdout):
        if pipe is not None:
            pipe.close()
