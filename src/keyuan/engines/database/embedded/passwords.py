"""Passwords of database roles, each in a file of its own that only its owner can read (folder 0700, file 0600).

They are random, made when first asked for, and never in arguments, environments or logs.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from keyuan.kernel.errors import EngineError

_BYTES = 32


class PasswordFileError(EngineError):
    """A password file is empty: restore it from your backup."""


def password_file(folder: Path, role: str) -> Path:
    """Where the password of `role` is kept."""
    return folder / f"{role}.password"


def kept_password(folder: Path, role: str) -> str:
    """The password of `role`, made now if there is none; two processes get the same one."""
    path = password_file(folder, role)
    if not path.exists():
        keep(path, secrets.token_urlsafe(_BYTES))
    text = path.read_text(encoding="ascii").strip()
    if not text:
        raise PasswordFileError(None, file=path)
    return text


def keep(path: Path, text: str) -> None:
    """Write a private file that survives a power failure; one that is already there wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    staging = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(staging, path)
    staging.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
