"""The process under `up` from which its parts are forked, so that what they share is loaded once.

Loading takes seconds of a core and most of a part's memory. A forked part begins in milliseconds, also when it died and
is started anew, and shares the pages of what was loaded.

A part lives as long as its leash, a pipe from here, is open: when this process is killed, the kernel closes it and the
part ends by itself. This process lives as long as its own standard input is open, and stops the parts then. It has one
thread only, because a fork takes no other along, only the locks that others held.

Source: fork(2), and POSIX on forking with threads.
"""

import gc
import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from keyuan.kernel.errors import KeyuanError

WATCH_S = 0.2
_RESTART_S = 1.0
_STOP_S = 20.0

Work = Callable[[], None]


@dataclass(slots=True)
class _Part:
    name: str
    work: Work
    pid: int | None = None
    leash: int | None = None
    started_at_s: float = field(default=-_RESTART_S)

    def needs_start(self) -> bool:
        return self.pid is None and time.monotonic() - self.started_at_s >= _RESTART_S

    def let_go(self) -> None:
        if self.leash is not None:
            os.close(self.leash)
            self.leash = None


class ForkServer:
    """Runs works as parts until standard input ends or SIGTERM comes; each change is one line of JSON: {name: pid}."""

    def __init__(self, works: Mapping[str, Work]) -> None:
        self._parts = [_Part(name, work) for name, work in works.items()]
        self._is_told = False

    def run(self) -> None:
        """Start the parts, and again those that die; at the end stop them all."""
        signal.signal(signal.SIGTERM, self._told)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.collect()
        gc.freeze()  # a collection in a part would write to all pages that it shares
        try:
            while not self._is_told:
                self._look()
                if select.select([0], [], [], WATCH_S)[0] and not os.read(0, 4096):
                    break
        finally:
            self._stop()

    def _told(self, _number: int, _frame: object) -> None:
        self._is_told = True

    def _look(self) -> None:
        """Start what does not run, and say so."""
        self._reap()
        starting = [part for part in self._parts if part.needs_start()]
        for part in starting:
            if part.started_at_s > 0:
                _tell(f"The {part.name} process had died and is started again.")
            self._start(part)
        if starting:
            _say({part.name: part.pid for part in self._parts if part.pid is not None})

    def _reap(self) -> None:
        for part in self._parts:
            if part.pid is not None and os.waitpid(part.pid, os.WNOHANG) != (0, 0):
                part.pid = None
                part.let_go()

    def _start(self, part: _Part) -> None:
        """Fork a part; without memory or a process number for it, the next round tries again."""
        part.started_at_s = time.monotonic()
        held, part.leash = os.pipe()
        try:
            part.pid = os.fork()
        except OSError as error:
            part.let_go()
            _tell(f"The {part.name} process does not start: {error}")
        if part.pid == 0:
            self._be(part, held)
        os.close(held)

    def _be(self, part: _Part, held: int) -> NoReturn:
        """Be a part: of this process nothing is left but what was loaded, and standard error."""
        code = 1
        try:
            for each in self._parts:
                each.let_go()
            os.dup2(held, 0)
            os.close(held)
            os.dup2(2, 1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            with suppress(OSError):  # Linux: what `top` and `ps -o comm` show
                Path("/proc/self/comm").write_text(f"keyuan {part.name}", encoding="ascii")
            threading.Thread(target=_end_with_leash, name="leash", daemon=True).start()
            part.work()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        except KeyuanError as error:
            _tell(f"keyuan: {part.name}: {error}")
        except BaseException:  # noqa: BLE001  # whatever it was, nothing above this may go on in a fork
            traceback.print_exc()
        finally:
            with suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _stop(self) -> None:
        for part in self._parts:
            part.let_go()
            if part.pid is not None:
                os.kill(part.pid, signal.SIGTERM)
        deadline_s = time.monotonic() + _STOP_S
        while any(part.pid is not None for part in self._parts) and time.monotonic() < deadline_s:
            self._reap()
            time.sleep(0.01)
        for part in self._parts:
            if part.pid is not None:
                _tell(f"The {part.name} process does not stop and is killed.")
                os.kill(part.pid, signal.SIGKILL)
                os.waitpid(part.pid, 0)


def _tell(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())


def _say(pids: Mapping[str, int]) -> None:
    """Tell the parent; one that is gone is noticed by standard input."""
    with suppress(OSError):
        os.write(1, f"{json.dumps(pids)}\n".encode())


def _end_with_leash() -> None:
    """End this process, as SIGTERM would, when the other end of standard input closes."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
