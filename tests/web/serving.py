"""A real uvicorn on a free port, in a thread of the test."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from keyuan.engines.secrets import Secrets
from keyuan.web.server import make_server

START_S_MAX = 20
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Site:
    """A running server and what a client needs to talk to it."""

    client: httpx.Client
    keys: dict[int, str]
    secrets: Secrets


@contextmanager
def serving(app: FastAPI) -> Generator[str, None, None]:
    """Serve an app and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + START_S_MAX
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(START_S_MAX)
            assert not thread.is_alive()
