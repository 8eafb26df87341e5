"""A real `keyuan up` of its own data folder: started, found, killed part by part, stopped and deleted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psutil

from keyuan.app.installation import Installation, attached
from keyuan.engines.database.embedded import open_cluster
from keyuan.engines.database.embedded.processes import of_cluster
from keyuan.kernel.config import load_settings

KEYUAN = (sys.executable, "-m", "keyuan.cli")
RECOVER_S = 90.0
_POLL_S = 0.05
CHILDREN = ("web", "points", "portraits", "jobs", "anchor", "lake", "mail", "sink")
SMALL_EPOCHS = {"KEYUAN_EPOCH_MOVEMENTS": "40", "KEYUAN_EPOCH_WAIT_S": "0.5"}
"""Small enough that a kill meets the closer and the publisher at work."""
TARGETS = (*CHILDREN, "fork server", "postmaster", "backend", "cluster", "up")


class House:
    """One data folder and the `up` that serves it. `command` is what stands for `keyuan`."""

    def __init__(self, data: Path, command: Sequence[str] = KEYUAN) -> None:
        self.data = data
        self.log = data.with_suffix(".log")
        self._command = command
        self._up: subprocess.Popen[bytes] | None = None
        self._probe = httpx.Client(timeout=2)

    def start(self) -> None:
        """Start it and wait until it serves."""
        self.begin([*self._command, "up", "--data", str(self.data), "--json"], os.environ | SMALL_EPOCHS)
        self.wait_served()

    def begin(self, words: Sequence[str], env: Mapping[str, str] = os.environ) -> None:
        """Start a command that serves the folder."""
        with self.log.open("ab") as log:
            self._up = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=env
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop and return its exit code."""
        assert self._up is not None
        self._up.send_signal(number)
        return self._up.wait(60)

    def where(self) -> tuple[str, str]:
        """Return where it serves now; raises OSError or ValueError while nobody does."""
        found = json.loads((self.data / "run.json").read_text(encoding="utf-8"))
        return found["url"], found["write_key"]

    def is_served(self) -> bool:
        """Whether this `up` says where it is, all its parts run, and it answers that it is ready."""
        try:
            found = json.loads((self.data / "run.json").read_text(encoding="utf-8"))
            if self._up is None or found["pids"]["main"] != self._up.pid or len(self.parts()) < len(CHILDREN):
                return False
            return self._probe.get(f"{found['url']}/readyz").is_success
        except (OSError, ValueError, httpx.TransportError):
            return False

    def wait_served(self) -> None:
        wait_until(self.is_served, f"it serves\n{self.tail()}")

    def parts(self) -> dict[str, psutil.Process]:
        """Return the live parts by name, as far as `up` has said their numbers."""
        found: dict[str, psutil.Process] = {}
        with suppress(OSError, ValueError):
            pids: dict[str, int] = json.loads((self.data / "run.json").read_text(encoding="utf-8"))["pids"]
            for name in CHILDREN:
                with suppress(KeyError, psutil.NoSuchProcess):
                    process = psutil.Process(pids[name])
                    if process.status() != psutil.STATUS_ZOMBIE and str(self.data) in _words(process):
                        found[name] = process
        return found

    def fork_server(self) -> list[psutil.Process]:
        """Return the process from which the parts are forked, if it lives."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._up.pid if self._up else 0).children()
        return []

    def kill(self, target: str, random: Random) -> None:
        """SIGKILL one part, whichever it is by then; `up` is started again, as an operator would."""
        if target == "up":
            self.kill_up()
            self.start()
            return
        for process in self._targets(target, random):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _targets(self, target: str, random: Random) -> list[psutil.Process]:
        if target in CHILDREN:
            return [process for name, process in self.parts().items() if name == target]
        if target == "fork server":
            return self.fork_server()
        cluster = open_cluster(self.data)
        everything = of_cluster(cluster.layout.data)
        if target == "cluster":
            return everything
        if target == "postmaster":
            return [process for process in everything if process.pid == cluster.pid]
        backends = [process for process in everything if "keyuan_app" in "".join(_words(process))]
        return [random.choice(backends)] if backends else []

    def kill_up(self) -> None:
        """SIGKILL the parent alone."""
        assert self._up is not None
        self._up.kill()
        self._up.wait()

    def kill_all(self) -> None:
        """SIGKILL the whole tree at once: `up`, its children and PostgreSQL."""
        assert self._up is not None
        tree = [*self.fork_server(), *self.parts().values(), *of_cluster(open_cluster(self.data).layout.data)]
        self._up.kill()
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._up.wait()

    def ask(self, *words: str) -> Any:
        """Run another `keyuan` command on the folder and return its JSON answer."""
        done = subprocess.run(
            [*KEYUAN, *words, "--data", str(self.data), "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-3_000:] if self.log.exists() else ""

    @contextmanager
    def inside(self) -> Generator[Installation, None, None]:
        """Look into it as one of its own processes would."""
        with attached(load_settings(self.data)) as installation:
            yield installation

    def leftovers(self) -> list[str]:
        """Return what runs although nothing should: processes that name this folder, or work in its cluster."""
        named = [each for each in psutil.process_iter() if str(self.data) in _words(each) and each.pid != os.getpid()]
        return [" ".join(_words(each)) for each in [*named, *of_cluster(open_cluster(self.data).layout.data)]]

    def remove(self) -> None:
        if self._up is not None and self._up.poll() is None:
            self.stop()
        self._probe.close()
        subprocess.run([*KEYUAN, "remove", "--data", str(self.data), "--yes"], check=True, capture_output=True)


@contextmanager
def house(data: Path, command: Sequence[str] = KEYUAN) -> Generator[House, None, None]:
    """Serve a fresh data folder, and leave nothing of it behind."""
    made = House(data, command)
    try:
        made.start()
        yield made
    finally:
        made.remove()


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = RECOVER_S) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not after {timeout_s} s: {what}"
        time.sleep(_POLL_S)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
        return []
