"""A mail server for trying out: it takes every letter, keeps it as a file, and delivers nothing to anybody.

Files stand in clear, readable to their owner only. A letter is acknowledged when it is on disk. What was sent twice is
there twice. Deliberately not here: encryption and sign-in; it listens on this machine only.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST: Final = "127.0.0.1"
LABEL: Final = "kept by the sink of Keyuan, delivered to nobody"
LETTER_BYTES_MAX: Final = 1_048_576


class _Keeper:
    """What aiosmtpd asks when a letter has arrived."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # its name
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        _keep(self._folder, f"X-Keyuan-Sink: {LABEL}\r\n".encode() + content)
        return f"250 2.0.0 {LABEL}"


def serve_sink(
    folder: Path, port: int, stopped: Callable[[], object], ready: Callable[[int], None] = lambda _port: None
) -> None:
    """Take letters until `stopped` returns; port 0 takes a free one, and `ready` is told which."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    logging.getLogger("mail").setLevel(logging.CRITICAL)  # its lines would name who writes to whom
    asyncio.run(_serve(folder, port, stopped, ready))


async def _serve(folder: Path, port: int, stopped: Callable[[], object], ready: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    make = partial(
        SMTP,
        _Keeper(folder),
        hostname="localhost",
        ident="Keyuan sink, delivers nothing",
        data_size_limit=LETTER_BYTES_MAX,
        enable_SMTPUTF8=True,
        loop=loop,
    )
    server = await loop.create_server(make, HOST, port)
    ready(int(server.sockets[0].getsockname()[1]))
    await asyncio.to_thread(stopped)
    server.close()


def letters_in(folder: Path) -> list[Path]:
    """Return the files of letters, oldest first."""
    return sorted(folder.glob("*.eml"))


def _keep(folder: Path, content: bytes) -> None:
    """Write under another name first: whoever looks sees whole letters."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"
    draft = folder / f".{name}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / f"{name}.eml")
