"""A cluster of the embedded PostgreSQL: made, started, watched, stopped, removed.

Whoever starts it need not stay: the postmaster is nobody's child, outlives a killed supervisor, and the next start
adopts it. One start or stop at a time per cluster. Roles and databases are made in `engines.database.bootstrap`.
"""

import time
from collections.abc import Callable
from pathlib import Path

from psycopg import pq

from keyuan.engines.database.embedded import ports, processes
from keyuan.engines.database.embedded.layout import Layout, find_layout, prepare, reserve
from keyuan.engines.database.embedded.locks import locked
from keyuan.engines.database.embedded.passwords import kept_password, password_file
from keyuan.engines.database.embedded.pointer import point
from keyuan.engines.database.embedded.server import ServerError, ended, initialise, launch
from keyuan.engines.database.embedded.shelf import delete, is_abandoned, programs_of, set_aside

SUPERUSER = "postgres"
_START_TIMEOUT_S = 600.0
_STOP_FAST_S = 120.0
_STOP_IMMEDIATE_S = 10.0
_POLL_S = 0.02
_RETRY_S = 0.1
_ATTEMPTS_MAX = 8

Progress = Callable[[str], None]


def _silent(_text: str) -> None:
    """Nobody wants to hear."""


class Cluster:
    """The embedded PostgreSQL of one data folder; every process may have its own object for the same one."""

    def __init__(self, data_dir: Path) -> None:
        self.layout: Layout = find_layout(data_dir)

    def start(self, *, timeout_s: float = _START_TIMEOUT_S, progress: Progress = _silent) -> None:
        """Have it running and taking connections: adopt it, or clear up, make it if need be, and start it.

        Raises:
            EngineError: it does not start; the message says why.
        """
        deadline = time.monotonic() + timeout_s
        if self.running() and self.layout.key_files():
            return
        reserve(self.layout)
        with locked(self.layout.lock, timeout_s):
            if is_abandoned(self.layout):
                progress("the data folder is new: setting its former PostgreSQL cluster aside")
                _end(self.layout, _STOP_FAST_S)
                set_aside(self.layout)
            self.password()
            if self._adopted(deadline, progress):
                return
            self._make(progress)
            self._launch(deadline, progress)

    def ensure(self) -> bool:
        """Start it again if it died (the port stays unless somebody took it); whether that was needed."""
        if self.running():
            return False
        self.start()
        return True

    def stop(self, *, fast_s: float = _STOP_FAST_S) -> None:
        """End it: statements are cancelled and everything is written; if that takes too long, at once.

        Nothing of it runs afterwards; without a running one this clears what a kill left.
        """
        if not self.layout.home.exists():
            return
        with locked(self.layout.lock, _START_TIMEOUT_S):
            _end(self.layout, fast_s)

    def running(self) -> bool:
        """Whether it takes connections now."""
        postmaster = processes.postmaster(self.layout.data)
        return postmaster is not None and _answers(postmaster)

    @property
    def pid(self) -> int | None:
        """The postmaster's process number while it lives: the root for measuring memory."""
        postmaster = processes.postmaster(self.layout.data)
        return postmaster.process.pid if postmaster else None

    @property
    def port(self) -> int:
        """The port it listens on (127.0.0.1, and in the socket's name), or will listen on if nobody takes it."""
        postmaster = processes.postmaster(self.layout.data)
        return postmaster.port if postmaster else ports.planned(self.layout)

    @property
    def sockets(self) -> str:
        """The folder of its Unix socket."""
        postmaster = processes.postmaster(self.layout.data)
        return postmaster.sockets if postmaster else str(self.layout.sockets)

    def dsn(self, user: str, dbname: str, *, tcp: bool = False) -> dict[str, str | int]:
        """Connection keywords without a password: over the Unix socket, or `tcp` on 127.0.0.1."""
        return {"host": "127.0.0.1" if tcp else self.sockets, "port": self.port, "user": user, "dbname": dbname}

    def superuser(self, dbname: str = "postgres") -> dict[str, str | int]:
        """Connection keywords of the superuser, with the password: for bootstrap and repair only."""
        return {**self.dsn(SUPERUSER, dbname), "password": self.password()}

    def password(self) -> str:
        """The superuser's password; made with the cluster, never for one that is there."""
        path = password_file(self.layout.keys, SUPERUSER)
        if self.layout.data.exists() and not path.exists():
            raise ServerError(f"The superuser's password is lost: restore {path} from your backup.")
        return kept_password(self.layout.keys, SUPERUSER)

    def _adopted(self, deadline: float, progress: Progress) -> bool:
        """Whether one is running already; one that is starting or stopping is waited for."""
        told = time.monotonic()
        while (postmaster := processes.postmaster(self.layout.data)) is not None:
            if _answers(postmaster):
                return True
            if time.monotonic() > deadline:
                raise ServerError("PostgreSQL runs but does not answer: see its log.", log=self.layout.log)
            if time.monotonic() - told > 1.0:
                told = time.monotonic()
                progress("waiting for PostgreSQL")
            time.sleep(_POLL_S)
        return False

    def _make(self, progress: Progress) -> None:
        layout = self.layout
        if not layout.data.exists() and layout.pointer.exists():
            raise ServerError(
                f"The database is gone: {layout.data} does not exist. Restore it from your backup, or give it up with "
                f"`keyuan remove --data {layout.data_dir}`.",
            )
        prepare(layout)
        if not layout.data.exists():
            progress("making the PostgreSQL cluster")
            initialise(layout, programs_of(layout), SUPERUSER, password_file(layout.keys, SUPERUSER))
        if layout.on_shelf:
            point(layout.data_dir, layout.home)

    def _launch(self, deadline: float, progress: Progress) -> None:
        programs = programs_of(self.layout)
        avoid: set[int] = set()
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            _clear(self.layout)
            port = ports.choose(self.layout, avoid)
            progress("starting PostgreSQL")
            process = launch(self.layout, programs, port)
            while processes.alive(process):
                if self._adopted(deadline, progress):
                    ports.remember(self.layout, port)
                    return
                time.sleep(_POLL_S)
            # Somebody was quicker with the port, or old children still hold shared memory.
            avoid |= set() if ports.free(port) else {port}
            time.sleep(_RETRY_S * attempt)
        raise ended(self.layout)


def open_cluster(data_dir: Path) -> Cluster:
    """The cluster of a data folder. Nothing is made or started yet."""
    return Cluster(data_dir)


def remove(data_dir: Path) -> None:
    """Stop the cluster of a data folder and delete it, wherever it lives, with its pointer and its passwords."""
    layout = find_layout(data_dir)
    if not layout.lock.parent.exists():
        return
    with locked(layout.lock, _START_TIMEOUT_S):
        _end(layout, _STOP_FAST_S)
        delete(layout)
        layout.lock.unlink()


def _end(layout: Layout, fast_s: float) -> None:
    processes.end_initialiser(layout.staging)
    processes.end_all(layout.data, fast_s=fast_s, immediate_s=_STOP_IMMEDIATE_S)
    _clear(layout)


def _clear(layout: Layout) -> None:
    """Remove what a killed server left; the caller holds the lock and has seen that no postmaster lives."""
    processes.end_orphans(layout.data)
    (layout.data / "postmaster.pid").unlink(missing_ok=True)
    for left in layout.sockets.glob(".s.PGSQL.*"):
        left.unlink(missing_ok=True)


def _answers(postmaster: processes.Postmaster) -> bool:
    """Whether it takes connections; one that starts, recovers or stops does not."""
    where = f"host={postmaster.sockets} port={postmaster.port} connect_timeout=2"
    return pq.PGconn.ping(where.encode()) == pq.Ping.OK
