"""Serving: the process tree with its URLs, until somebody asks it to stop.

What others need to find it (URLs, process numbers, a write key) stands in `run.json` in the data folder, readable to
its owner only, and is gone when nobody serves.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from keyuan import events
from keyuan.anchor import store as epochs
from keyuan.app.faces import console_face
from keyuan.app.installation import KEYS, Installation
from keyuan.app.sinking import FOLDER as LETTERS
from keyuan.app.stopping import Stop
from keyuan.app.tree import Tell, Tree
from keyuan.app.use import is_served, served
from keyuan.engines.database.embedded.passwords import keep
from keyuan.engines.mail import sender_of
from keyuan.engines.mail.sink import HOST as SINK_HOST
from keyuan.kernel.clock import system_now

RUN_FILE = "run.json"
_KEY_FILE = "write-key"
_POLL_S = 0.1
_WEB_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A process tree that serves."""

    url: str
    pids: dict[str, int]
    run_file: Path
    here: bool = True
    """Whether this command serves; else it has joined another that does."""
    tell_more: Callable[[Mapping[str, object]], None] = lambda _found: None
    """Have more stand in the run file; whoever has joined another leaves that one's file alone."""


@contextmanager
def served_somehow(installation: Installation, tell: Tell) -> Generator[Running, None, None]:
    """Serve, or join an `up` that serves this data folder already."""
    running = _joined(installation)
    if running is None:
        with serving(installation, tell) as own:
            yield own
    else:
        yield running


def _joined(installation: Installation) -> Running | None:
    """Return who serves, waiting until it says where."""
    run_file = installation.folder / RUN_FILE
    while is_served(installation.folder):
        try:
            found = json.loads(run_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            time.sleep(_POLL_S)
        else:
            return Running(found["url"], found["pids"], run_file, here=False)
    return None


@contextmanager
def serving(installation: Installation, tell: Tell, *, wait: bool = False) -> Generator[Running, None, None]:
    """Start web and the others, and stop them at the end; `wait`: say where only when web takes requests."""
    run_file = installation.folder / RUN_FILE
    with served(installation.folder):
        run_file.unlink(missing_ok=True)  # of a server that was killed
        if installation.settings.mail_from:
            sender_of(installation.settings.mail_from)  # a wrong one is told at once, and here
        host = installation.settings.host
        port = installation.settings.port or _free_port(host)
        write_key = _write_key(installation)
        url = f"http://{host}:{port}"
        found: dict[str, object] = {"url": url, "write_key": write_key, **console_face(installation, url)}
        if installation.settings.smtp == "sink":
            found["letters"] = str(installation.folder / LETTERS)

        one_at_a_time = threading.Lock()  # the tree's watcher says who runs, its owner what else there is

        def say_more(more: Mapping[str, object]) -> None:
            with one_at_a_time:
                found.update(more)
                _write_private(run_file, found)

        def say(pids: dict[str, int]) -> None:
            say_more({"pids": pids | {"main": os.getpid()}})

        say({})
        try:
            with Tree(installation.cluster, _command(installation, port), tell, say) as tree:
                if wait:
                    tree.wait_started()
                    _wait_for_web(host, port)
                yield Running(url, tree.pids() | {"main": os.getpid()}, run_file, tell_more=say_more)
        finally:
            run_file.unlink(missing_ok=True)


@contextmanager
def programme_time(installation: Installation) -> Generator[None, None, None]:
    """Let a clock that is kept by hand run at normal speed meanwhile."""
    run_programme_time(installation)
    try:
        yield
    finally:
        with installation.database.transaction(installation.tenant) as session:
            events.stop_clock(session, system_now())


def run_programme_time(installation: Installation) -> None:
    """Let a clock that is kept by hand run at normal speed from now on; who serves keeps it going, and stops it.

    Epochs are closed by time again too: a job that was killed may have left them to be closed by count only.
    """
    with installation.session() as session:
        events.run_clock(session, system_now())
        epochs.pause(session, paused=False)


def wait_for_stop() -> None:
    """Wait for Ctrl-C, SIGTERM or a closed terminal."""
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN  # nohup
    Stop([signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hangs_up else [])]).wait()


def _command(installation: Installation, port: int) -> Sequence[str]:
    common = [sys.executable, "-m", "keyuan.cli", "fork-server", "--data", str(installation.folder)]
    return [*common, "--port", str(port), "--sink-port", str(_free_port(SINK_HOST, port))]


def _free_port(host: str, taken: int = 0) -> int:
    """Return a port that nobody listens on, and that is not promised to another of ours."""
    with socket.create_server((host, 0)) as found:
        port = int(found.getsockname()[1])
        return port if port != taken else _free_port(host, taken)


def _wait_for_web(host: str, port: int) -> None:
    """Wait until somebody listens there, or for so long that waiting does not help."""
    until_s = time.monotonic() + _WEB_S_MAX
    while time.monotonic() < until_s:
        with suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        time.sleep(_POLL_S)


def _write_key(installation: Installation) -> str:
    """Return the write key of the source `till`; made once, kept beside the other keys."""
    path = installation.folder / KEYS / _KEY_FILE
    if not path.exists():
        with installation.database.transaction(installation.tenant) as session:
            key = events.make_source(session, "till", system_now())
        keep(path, key)
    return path.read_text(encoding="ascii").strip()


def _write_private(path: Path, value: object) -> None:
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file)
    draft.replace(path)
