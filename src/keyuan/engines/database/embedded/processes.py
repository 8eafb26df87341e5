"""Processes of a cluster: the postmaster and, after a kill, what it left behind.

A process is known by what it is, not by its number: it is called `postgres` and works in the cluster's folder, as
every process of PostgreSQL does. A number that was given away again, by a restart of the machine say, is never taken
for ours; signals compare the start time as well.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_POLL_S = 0.02
_KILL_S = 10.0
_GONE = (psutil.NoSuchProcess, psutil.ZombieProcess)


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A live postmaster and what it wrote into its `postmaster.pid`."""

    process: psutil.Process
    port: int
    sockets: str


def postmaster(data: Path) -> Postmaster | None:
    """The live postmaster of this cluster; None if the file is absent, stale or still being written."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        process = psutil.Process(int(lines[0]))
        port, sockets = int(lines[3]), lines[4]
    except (OSError, ValueError, IndexError, *_GONE):
        return None
    return Postmaster(process, port, sockets) if _works_in(process, data) else None


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that ended and that nobody has asked about does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except _GONE:
        return False


def of_cluster(data: Path) -> list[psutil.Process]:
    """Every live process of this cluster, with or without a postmaster."""
    return [process for process in psutil.process_iter() if _works_in(process, data)]


def wait_gone(data: Path, timeout_s: float) -> bool:
    """Whether the last process of the cluster ended within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while of_cluster(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def end_all(data: Path, *, fast_s: float, immediate_s: float) -> None:
    """Stop a cluster: ask for a fast shutdown, then an immediate one, then kill; afterwards nothing of it runs."""
    for patience_s, ask in ((fast_s, signal.SIGINT), (immediate_s, signal.SIGQUIT)):
        found = postmaster(data)
        if found is None:
            break
        _signal(found.process, ask)
        if wait_gone(data, patience_s):
            return
    end_orphans(data)


def end_orphans(data: Path, *, grace_s: float = 1.0) -> None:
    """End what a killed postmaster left behind.

    Its children notice by themselves within moments, unless they are busy with a statement. Killing those is no
    worse than the kill before it: recovery follows in any case.
    """
    if wait_gone(data, grace_s):
        return
    for process in of_cluster(data):
        _signal(process, signal.SIGKILL)
    wait_gone(data, _KILL_S)


def end_initialiser(staging: Path) -> None:
    """End an `initdb` whose starter was killed: it would go on writing into the folder that is about to be wiped."""
    for process in psutil.process_iter():
        with suppress(psutil.AccessDenied, *_GONE):
            if process.name() == "initdb" and str(staging) in process.cmdline():
                process.kill()
    end_orphans(staging)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    # psutil compares start times first: a number that went to another process is not hit.
    with suppress(*_GONE):
        process.send_signal(number)


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name() == "postgres" and process.cwd() == os.path.realpath(data)
    except (psutil.AccessDenied, *_GONE):
        return False
