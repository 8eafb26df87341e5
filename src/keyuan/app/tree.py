"""The process tree of `up`: web, consumers, jobs and anchoring below one parent that watches them and PostgreSQL.

A child lives as long as the pipe from its parent is open: when the parent is killed, the kernel closes it and the
child ends by itself. A child that dies is started again, at most once a second.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from keyuan.engines.database.embedded import Cluster
from keyuan.kernel.errors import KeyuanError

WATCH_S = 0.2
_RESTART_S = 1.0
_STOP_S = 20.0

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Child:
    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at_s: float = field(default=-_RESTART_S)

    def start(self) -> None:
        self.started_at_s = time.monotonic()
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = subprocess.Popen(  # noqa: S603  # our own interpreter and our own words
            self.command, stdin=subprocess.PIPE, start_new_session=True
        )

    def needs_start(self) -> bool:
        dead = self.process is None or self.process.poll() is not None
        return dead and time.monotonic() - self.started_at_s >= _RESTART_S

    def stop(self, deadline_s: float) -> None:
        if self.process is None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(max(deadline_s - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Tree:
    """The running children: `with Tree(...) as tree: …`; at the end all are stopped."""

    def __init__(self, cluster: Cluster | None, commands: dict[str, Sequence[str]], tell: Tell) -> None:
        self._cluster = cluster
        self._children = [_Child(name, command) for name, command in commands.items()]
        self._tell = tell
        self._say: Callable[[dict[str, int]], None] | None = None
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        for child in self._children:
            child.start()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._watcher.join()
        deadline_s = time.monotonic() + _STOP_S
        for child in self._children:
            child.stop(deadline_s)

    def pids(self) -> dict[str, int]:
        """Return the process numbers by name."""
        return {child.name: child.process.pid for child in self._children if child.process is not None}

    def say_pids(self, say: Callable[[dict[str, int]], None]) -> None:
        """Tell the process numbers now, and again whenever a child was started anew."""
        say(self.pids())
        self._say = say

    def _watch(self) -> None:
        while not self._done.wait(WATCH_S):
            try:
                if self._cluster is not None and self._cluster.ensure():
                    self._tell("PostgreSQL had died and runs again.")
            except (KeyuanError, OSError) as error:
                self._tell(f"PostgreSQL does not start: {error}")
            for child in self._children:
                if child.needs_start():
                    self._tell(f"The {child.name} process had died and is started again.")
                    self._start_again(child)

    def _start_again(self, child: _Child) -> None:
        """Start a child; without memory or a process number for it, the next round tries again."""
        try:
            child.start()
            if self._say is not None:
                self._say(self.pids())
        except OSError as error:
            self._tell(f"The {child.name} process does not start: {error}")


def ends_with_parent() -> None:
    """End this process, as SIGTERM would, when the parent's end of standard input closes."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def told_to_stop() -> threading.Event:
    """Return what SIGTERM sets in this process; Ctrl-C is the parent's business."""
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: done.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return done
