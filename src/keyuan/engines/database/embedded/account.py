"""The operating system's user that PostgreSQL runs as.

PostgreSQL refuses to run as root, so root hands it to the system user `keyuan`. There is no fall-back to `nobody`:
other programs run as it, and all of them could then read the cluster.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from keyuan.kernel.errors import EngineError

SYSTEM_USER = "keyuan"

_CREATE = (
    ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/false"),
    # Alpine and other systems whose adduser is busybox.
    ("adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/bin/false"),
)


class AccountError(EngineError):
    """The system user `keyuan` for PostgreSQL is missing and could not be created."""


class Switch(TypedDict, total=False):
    """Keyword arguments of `subprocess` that change the user; empty when it stays the same."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns the cluster's files and runs its processes."""

    uid: int
    gid: int

    def switch(self) -> Switch:
        """Arguments for `subprocess`, without groups of the caller."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make this account the owner of one file or folder."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def lend(self, path: Path) -> None:
        """Let this account read (not change) what belongs to the caller, by its group."""
        if self.uid != os.geteuid():
            os.chown(path, -1, self.gid, follow_symlinks=False)


def account_for(existing: Path) -> Account:
    """Whoever owns `existing`; if it is not there yet, the caller, or `keyuan` when the caller is root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if existing.exists():
        status = existing.stat()
        return Account(status.st_uid, status.st_gid)
    return _system_account()


def _system_account() -> Account:
    account = _lookup()
    for command in _CREATE:
        if account is not None:
            break
        program = shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
        if program is not None:
            # Whether it worked is asked below: another start may have created the user at the same moment.
            subprocess.run([program, *command[1:], SYSTEM_USER], check=False, capture_output=True, timeout=60)  # noqa: S603  # a fixed command
            account = _lookup()
    if account is None:
        raise AccountError(
            f"PostgreSQL does not run as root and the system user {SYSTEM_USER} could not be created. Create it "
            f"(useradd --system --user-group {SYSTEM_USER}), or run keyuan as an ordinary user, or set DATABASE_URL."
        )
    return account


def _lookup() -> Account | None:
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)
