"""How much memory a tree of processes really takes.

PSS: a page that n processes share counts 1/n in each, so the sum is what the machine gives. The postmaster is in a
session of its own and nobody's child, so it is named as a root of its own. Units: MB are 2**20 bytes.
Source: Linux /proc/PID/smaps_rollup; where there is none, the resident size, which counts shared pages often.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_KIB_PER_MB = 1024


def tree_pss_mb(root_pids: Iterable[int | None]) -> float:
    """The PSS of these processes and all below them; those that end meanwhile count nothing, and so does None."""
    found: dict[int, psutil.Process] = {}
    for pid in (pid for pid in root_pids if pid is not None):
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            found |= {process.pid: process for process in (root, *root.children(recursive=True))}
    return sum(_pss_kib(process) for process in found.values()) / _KIB_PER_MB


def _pss_kib(process: psutil.Process) -> int:
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except FileNotFoundError:
        with suppress(psutil.Error):
            return int(process.memory_info().rss) // 1024
    except OSError:
        pass
    return 0


class Sampler:
    """Measures a tree every second in a thread and keeps the peak: `with Sampler(pids) as memory: …`."""

    def __init__(self, root_pids: Callable[[], Iterable[int | None]], *, every_s: float = 1.0) -> None:
        self.peak_mb = 0.0
        self._root_pids = root_pids
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-sampler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self.sample()

    def sample(self) -> float:
        """Measure now; the figure also counts for the peak."""
        now_mb = tree_pss_mb(self._root_pids())
        self.peak_mb = max(self.peak_mb, now_mb)
        return now_mb

    def _run(self) -> None:
        while not self._done.is_set():
            self.sample()
            self._done.wait(self._every_s)
