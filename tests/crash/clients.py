"""Clients that send batches until each is acknowledged, and write every acknowledgement down before anything else.

One in ten messages is an old one again; now and then all clients send the same batch at once. A client that gets
anything but a 200 sends the same batch again, as Segment's clients do.
"""

import itertools
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import httpx

from crash.orders import Story

_AGAIN_S = 0.05
_TIMEOUT_S = 20.0

Where = Callable[[], tuple[str, str]]
"""Where to send: the server's address and a write key; it may change while the server is started again."""


class Acknowledged:
    """A file with a line for every 200, on disk before the client goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests = 0
        self._lock = threading.Lock()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def note(self, batch: list[str]) -> None:
        with self._lock:
            os.write(self._handle, (" ".join(batch) + "\n").encode())
            os.fsync(self._handle)
            self.requests += 1

    def messages(self) -> set[str]:
        return set(self.path.read_text(encoding="ascii").split())

    def close(self) -> None:
        os.close(self._handle)


class Clients:
    """Some threads that send, from `with` to its end."""

    def __init__(self, story: Story, where: Where, acknowledged: Acknowledged, *, threads: int, pause_s: float) -> None:
        self.sent: set[str] = set()
        self._story = story
        self._where = where
        self._acknowledged = acknowledged
        self._pause_s = pause_s
        self._numbers = itertools.count(1)
        self._recent: deque[str] = deque(maxlen=500)
        self._crowd: deque[list[str]] = deque()
        self._done = threading.Event()
        self._broken: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(each,), daemon=True) for each in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(_TIMEOUT_S * 2)
        assert not self._broken, self._broken

    def _run(self, which: int) -> None:
        random = Random(f"{self._story.seed}:client:{which}")
        try:
            with httpx.Client(timeout=_TIMEOUT_S) as client:
                while not self._done.is_set():
                    batch = self._crowd.popleft() if self._crowd else self._batch(random)
                    self._send(client, batch)
                    self._done.wait(random.random() * 2 * self._pause_s)
        except BaseException as error:
            self._broken.append(error)
            raise

    def _batch(self, random: Random) -> list[str]:
        batch = [message for _ in range(random.randint(1, 25)) for message in self._messages(random)]
        self.sent.update(batch)
        self._recent.extend(batch)
        if random.random() < 0.1:
            self._crowd.extend(list(batch) for _ in self._threads[1:])
        return batch

    def _messages(self, random: Random) -> list[str]:
        if self._recent and random.random() < 0.1:
            return [random.choice(list(self._recent))]
        number = next(self._numbers)
        messages = [f"till-{number}"]
        if random.random() < 0.08 and not self._story.happened(number).is_coupon:
            messages.append(f"app-{number}")
        return messages

    def _send(self, client: httpx.Client, batch: list[str]) -> None:
        body = json.dumps({"batch": [self._story.body(message) for message in batch]})
        while not self._done.is_set():
            if send(client, self._where, body):
                self._acknowledged.note(batch)
                return
            time.sleep(_AGAIN_S)


def send(client: httpx.Client, where: Where, body: str) -> bool:
    """Send a batch once; whether it was acknowledged. An answer that blames the client is a fault of the product."""
    try:
        address, key = where()
        answer = client.post(f"{address}/v1/batch", content=body, auth=(key, ""))
    except (httpx.TransportError, OSError, ValueError):
        return False
    assert answer.status_code in {200, 408, 429, 500, 503}, answer.text
    return answer.is_success
