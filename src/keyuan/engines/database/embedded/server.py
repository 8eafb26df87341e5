"""The programs `initdb` and `postgres`, run as the account of the cluster.

What is deliberately not here: when to run them (`cluster`). They get a bare environment, so that nothing secret of
ours reaches the postmaster's, a session of their own, so that Ctrl-C on a terminal does not, and no input.
"""

import os
import shutil
import subprocess
from pathlib import Path

import psutil

from keyuan.engines.database.embedded import processes
from keyuan.engines.database.embedded.layout import Layout
from keyuan.engines.database.embedded.settings import write_settings
from keyuan.kernel.errors import EngineError

_INITDB_TIMEOUT_S = 300.0
_LAUNCH_TIMEOUT_S = 30.0
_TAIL_CHARS = 2_000

# Not pg_ctl: it puts paths between double quotes into a shell. Here they are arguments.
_DETACHED = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!'


class ServerError(EngineError):
    """The embedded PostgreSQL did not start."""


def initialise(layout: Layout, programs: Path, superuser: str, password: Path) -> None:
    """Make the cluster in a folder of its own and name it when it is whole; what a killed attempt left is wiped."""
    if layout.staging.exists():
        processes.end_initialiser(layout.staging)
        shutil.rmtree(layout.staging)
    layout.staging.mkdir(mode=0o700)
    layout.account.give(layout.staging)
    secret = layout.home / "initial.password"
    _lend_secret(layout, password, secret)
    try:
        _run(
            layout,
            [
                *(str(programs / "initdb"), "--pgdata", str(layout.staging)),
                *("--username", superuser, "--pwfile", str(secret), "--auth", "scram-sha-256"),
                *(
                    "--encoding",
                    "UTF8",
                    "--locale",
                    "C",
                    "--locale-provider",
                    "builtin",
                    "--builtin-locale",
                    "C.UTF-8",
                    "--data-checksums",
                ),
            ],
            _INITDB_TIMEOUT_S,
        )
    finally:
        secret.unlink(missing_ok=True)
    layout.staging.rename(layout.data)
    _sync(layout.home)


def launch(layout: Layout, programs: Path, port: int) -> psutil.Process:
    """Start the postmaster as nobody's child; it takes connections later, or ends with its reason in the log."""
    write_settings(layout, port)
    first_words = layout.log / "start.log"
    first_words.unlink(missing_ok=True)
    command = [str(programs / "postgres"), "-D", str(layout.data), "-c", f"config_file={layout.settings}"]
    said = _run(layout, ["/bin/sh", "-c", _DETACHED, "sh", str(first_words), *command], _LAUNCH_TIMEOUT_S)
    try:
        return psutil.Process(int(said))
    except (ValueError, psutil.NoSuchProcess) as error:
        raise ended(layout) from error


def ended(layout: Layout) -> ServerError:
    """The error for a postmaster that did not stay, with its last words."""
    logs = sorted(layout.log.glob("*.log"), key=lambda path: path.stat().st_mtime)
    said = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs[-2:])
    return ServerError(f"PostgreSQL ended while starting: {said[-_TAIL_CHARS:].strip()}", log=layout.log)


def _run(layout: Layout, command: list[str], timeout_s: float) -> str:
    program = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603  # programs of the wheel, arguments of ours
            command,
            **layout.account.switch(),
            check=False,
            cwd=layout.home,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            start_new_session=True,
            umask=0o077,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"{program} was not done in {timeout_s:.0f} s.") from error
    if done.returncode != 0:
        raise ServerError(f"{program} failed: {done.stderr[-_TAIL_CHARS:].strip()}")
    return done.stdout


def _lend_secret(layout: Layout, secret: Path, copy: Path) -> None:
    """Copy a password to where the account can read it: the folder of keys is closed to it."""
    copy.unlink(missing_ok=True)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret.read_bytes())
    layout.account.give(copy)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
