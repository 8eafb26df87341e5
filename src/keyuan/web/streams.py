"""Answers that go on: server-sent events, which end when the server is told to stop.

uvicorn waits for open answers before it stops, so whoever gives one listens here; `Server` says when it is time.
Deliberately not here: what is sent, and to whom.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Final

import uvicorn
from starlette.responses import StreamingResponse

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
STILL_HERE: Final = ": still here\n\n"
"""Keeps a connection open through whatever ends idle ones."""


class Streams:
    """Whether open answers may go on."""

    def __init__(self) -> None:
        self._stopped = asyncio.Event()

    @property
    def are_stopped(self) -> bool:
        """Whether the server stops."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End all open answers."""
        self._stopped.set()

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until the server stops."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass


class Server(uvicorn.Server):
    """uvicorn, which tells open answers that it stops."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End open answers, then stop as ever."""
        self._streams.stop()
        await super().shutdown(sockets)


def message(text: str, event: str = "") -> str:
    """Return one event; its text may have many lines."""
    name = f"event: {event}\n" if event else ""
    return name + "".join(f"data: {line}\n" for line in text.splitlines() or [""]) + "\n"


def streamed(messages: AsyncIterator[str]) -> StreamingResponse:
    """Return an answer that sends events as they come."""
    return StreamingResponse(messages, 200, _HEADERS, "text/event-stream")
