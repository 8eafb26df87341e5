"""The process tree: what dies is started again, everybody is told the new numbers, and nothing is left behind."""

import errno
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import psutil
import pytest

from keyuan.app.tree import Tree

SERVER = """
import sys, time
from keyuan.app.forkserver import ForkServer
from keyuan.app.stopping import told_to_stop
from keyuan.kernel.errors import RefusedError

class NotToday(RefusedError):
    "Not today; try tomorrow."

def sleep():
    told_to_stop().wait()

def refuse():
    raise NotToday

def say():
    print("on standard output")
    sleep()

works = {"sleeper": sleep, "refuser": refuse, "sayer": say}
ForkServer({name: works[name] for name in sys.argv[1:]}).run()
"""
WAIT_S = 60


class Told:
    """What a tree told."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._pids: queue.SimpleQueue[dict[str, int]] = queue.SimpleQueue()

    def say(self, pids: dict[str, int]) -> None:
        self._pids.put(pids)

    def pids(self) -> dict[str, int]:
        return self._pids.get(timeout=WAIT_S)


@contextmanager
def tree(told: Told, *names: str) -> Generator[Tree, None, None]:
    with Tree(None, [sys.executable, "-c", SERVER, *names], told.words.append, told.say) as running:
        running.wait_started()
        yield running


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def gone(pid: int) -> None:
    until_s = time.monotonic() + WAIT_S
    while not is_gone(pid):
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_a_part_that_dies_is_started_again_and_its_new_number_is_told(capfd: pytest.CaptureFixture[str]):
    told = Told()
    with tree(told, "sleeper", "sayer") as running:
        first = told.pids()
        os.kill(first["sleeper"], signal.SIGKILL)
        again = told.pids()
        assert again["sleeper"] != first["sleeper"]
        assert again["sayer"] == first["sayer"]
        assert running.pids() == again
    assert all(is_gone(pid) for pid in again.values())
    assert told.words == []
    out, err = capfd.readouterr()
    assert "The sleeper process had died and is started again.\n" in err
    assert "on standard output" in err, "what a part prints is not mixed with what the fork server says"
    assert out == ""


def test_a_fork_server_that_dies_takes_its_parts_along_and_is_started_again():
    told = Told()
    with tree(told, "sleeper") as running:
        first = told.pids()["sleeper"]
        os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
        again = told.pids()["sleeper"]
        gone(first)
        assert running.pids() == {"sleeper": again}
        assert not is_gone(again)
    assert told.words == ["The fork server had died and is started again."]
    assert is_gone(again)


def test_who_cannot_say_the_numbers_goes_on_watching():
    told, kept = Told(), Told()

    def full(pids: dict[str, int]) -> None:
        kept.say(pids)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Tree(None, [sys.executable, "-c", SERVER, "sleeper"], told.words.append, full):
        os.kill(kept.pids()["sleeper"], signal.SIGKILL)
        assert kept.pids()["sleeper"]
    assert all("No space left on device" in words for words in told.words)
    assert len(told.words) == 2


def test_what_a_part_is_refused_is_one_line(capfd: pytest.CaptureFixture[str]):
    told = Told()
    with tree(told, "refuser"):
        told.pids()
        told.pids()
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "keyuan: refuser: Not today; try tomorrow."
    assert not [line for line in lines if "Traceback" in line]


LOADED = """
import os, sys, threading
from keyuan.app import parts
tasks = os.listdir("/proc/self/task") if sys.platform == "linux" else [0]
print(threading.active_count(), len(tasks), sorted({"numpy", "pyarrow", "duckdb"} & sys.modules.keys()))
"""


def test_loading_the_parts_starts_no_thread_so_they_can_be_forked():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "1 1 []\n"
