"""The programs `initdb` and `pg_ctl`, run as the account of the cluster.

What is deliberately not here: when to run them (`cluster`). They get a bare environment, so that nothing secret of
ours reaches the postmaster's, a session of their own, so that Ctrl-C on a terminal does not, and no input.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from keyuan.engines.database.embedded.layout import Layout
from keyuan.engines.database.embedded.settings import write_settings
from keyuan.kernel.errors import EngineError

_INITDB_TIMEOUT_S = 300.0
_LOG_TAIL_CHARS = 2_000


class ServerError(EngineError):
    """The embedded PostgreSQL did not start."""


def initialise(layout: Layout, programs: Path, superuser: str, password: Path) -> None:
    """Make the cluster in a folder of its own and name it when it is whole; what a killed attempt left is wiped."""
    shutil.rmtree(layout.staging, ignore_errors=True)
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
                *("--encoding", "UTF8", "--locale", "C", "--data-checksums"),
            ],
            _INITDB_TIMEOUT_S,
        )
    finally:
        secret.unlink(missing_ok=True)
    layout.staging.rename(layout.data)
    _sync(layout.home)


def launch(layout: Layout, programs: Path, port: int, timeout_s: float) -> None:
    """Start the postmaster and wait until it takes connections, recovery included.

    Raises:
        ServerError: it ended, or was not ready in time.
    """
    write_settings(layout, major=layout.major or 0, port=port)
    first_words = layout.log / "start.log"
    first_words.unlink(missing_ok=True)
    options = f"-c config_file={shlex.quote(str(layout.settings))}"
    _run(
        layout,
        [
            *(str(programs / "pg_ctl"), "start", "--silent", "--wait", "--timeout", str(max(1, round(timeout_s)))),
            *("--pgdata", str(layout.data), "--log", str(first_words), "--options", options),
        ],
        timeout_s + 10.0,
    )


def log_tail(layout: Layout) -> str:
    """The last words of the server, from the newest file of its log."""
    logs = sorted(layout.log.glob("*.log"), key=lambda path: path.stat().st_mtime)
    return "\n".join(path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARS:] for path in logs[-2:])


def _run(layout: Layout, command: list[str], timeout_s: float) -> None:
    program = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603  # programs of the wheel, arguments of ours
            command,
            **layout.account.switch(),
            check=False,
            cwd=layout.home,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            # Not pipes: the postmaster would inherit them, and we would wait for it to end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE,
            start_new_session=True,
            umask=0o077,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"{program} was not done in {timeout_s:.0f} s.") from error
    if done.returncode != 0:
        said = (done.stderr or b"").decode("utf-8", "replace") or log_tail(layout)
        raise ServerError(f"{program} failed: {said.strip()[-_LOG_TAIL_CHARS:]}", log=layout.log)


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
