"""Where the embedded PostgreSQL lives.

An ordinary user's cluster is `DIR/postgres`. Root's is `/var/lib/keyuan/<hash of DIR>`, because the system user that
runs PostgreSQL reaches nothing below root's home, and the home is not opened to others; `DIR/postgres.json` points
there. Passwords stay in `DIR/keys`. Nothing is created here but what `prepare` says.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from keyuan.engines.database.embedded.account import Account, account_for
from keyuan.engines.database.embedded.pointer import SHELF, home_on_shelf, name_of, pointer_of
from keyuan.kernel.errors import EngineError

# `struct sockaddr_un` holds 108 bytes with the closing zero.
_SOCKET_PATH_MAX = 107
_SOCKET_NAME_MAX = len("/.s.PGSQL.65535")
# PostgreSQL and libpq split lists of folders at commas, and quotes would need three kinds of escaping.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.+-]+")


class LayoutError(EngineError):
    """The data folder cannot be used."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of one cluster; `home` holds everything but the passwords and the pointer."""

    data_dir: Path
    home: Path

    @property
    def data(self) -> Path:
        """The cluster itself (`PGDATA`)."""
        return self.home / "data"

    @property
    def staging(self) -> Path:
        """Where a cluster is made before it gets its name."""
        return self.home / "data.new"

    @property
    def log(self) -> Path:
        """The folder of the server's log."""
        return self.home / "log"

    @property
    def settings(self) -> Path:
        """The configuration, outside the cluster."""
        return self.home / "postgresql.conf"

    @property
    def access(self) -> Path:
        """Who may connect."""
        return self.home / "pg_hba.conf"

    @property
    def port_file(self) -> Path:
        """The port of the last start, used again when it is free."""
        return self.home / "port"

    @property
    def keys(self) -> Path:
        """The folder of passwords."""
        return self.data_dir / "keys"

    @property
    def pointer(self) -> Path:
        """What says where root's cluster is."""
        return pointer_of(self.data_dir)

    @property
    def on_shelf(self) -> bool:
        """Whether the cluster lies outside the data folder, on root's shelf."""
        return self.home.parent == SHELF

    @property
    def set_aside(self) -> Path:
        """Where a cluster goes whose data folder was deleted."""
        return self.home.with_name(f"{self.home.name}.old")

    @property
    def lock(self) -> Path:
        """The lock file, beside the home: a removal holds it to the end."""
        return self.home.with_name(f"{self.home.name}.lock")

    @property
    def account(self) -> Account:
        """Who runs PostgreSQL here."""
        return account_for(self.data)

    @property
    def sockets(self) -> Path:
        """The folder of the Unix socket, private to this cluster and short enough for the kernel."""
        beside = self.home / "run"
        fits = len(os.fsencode(beside)) + _SOCKET_NAME_MAX <= _SOCKET_PATH_MAX
        if fits and _PLAIN_PATH.fullmatch(str(beside)):
            return beside
        return Path("/tmp") / f"keyuan-{name_of(self.home)}"  # noqa: S108  # made 0700 and its owner is checked

    def key_files(self) -> list[Path]:
        """The passwords and the file that psql reads."""
        return [*self.keys.glob("*.password"), *self.keys.glob("*.pgpass")]

    @property
    def major(self) -> int | None:
        """The version that made the cluster, if it is there."""
        version = self.data / "PG_VERSION"
        return int(version.read_text(encoding="ascii")) if version.exists() else None


def find_layout(data_dir: Path) -> Layout:
    """Where the cluster of this data folder is, or will be.

    Raises:
        LayoutError: the folder is root's.
        PointerError: the folder is a copy of one that still has the cluster.
    """
    data_dir = data_dir.expanduser().resolve()
    inside = Layout(data_dir, data_dir / "postgres")
    if os.geteuid() == 0:
        # Root may look after a cluster that an ordinary user made; it keeps running as that user.
        return inside if inside.data.exists() else Layout(data_dir, home_on_shelf(data_dir))
    if inside.pointer.exists():
        raise LayoutError(f"{data_dir} was made by root: run keyuan as root, or use another data folder.")
    return inside


def reserve(layout: Layout) -> None:
    """Make the folder in which the lock file lies."""
    make_folder(layout.data_dir, 0o755, keep=True)
    if layout.on_shelf:
        make_folder(SHELF, 0o755)


def prepare(layout: Layout) -> None:
    """Make the folders of a cluster with their owners; the caller holds the lock."""
    account = layout.account
    make_folder(layout.home, 0o750)
    account.lend(layout.home)
    for folder in (layout.log, layout.sockets):
        make_folder(folder, 0o700)
        account.give(folder)
    _check_private(layout.sockets, account)


def make_folder(folder: Path, mode: int, *, keep: bool = False) -> None:
    """Make a folder with exactly this mode; with `keep`, one that is there stays as it is."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not keep:
            folder.chmod(mode)
    except OSError as error:
        raise LayoutError(f"{folder} cannot be made ({error.strerror}): choose another data folder.") from error


def _check_private(folder: Path, account: Account) -> None:
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != account.uid or status.st_mode & 0o077:
        raise LayoutError(f"{folder} belongs to somebody else: remove it.")
