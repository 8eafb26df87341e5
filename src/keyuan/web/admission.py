"""How many requests may be under way at once: beyond that they are told to come back, not left to pile up.

Each waiting request holds at most one body, so this bounds the memory too.
"""

from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.exceptions import HTTPException

RETRY_AFTER_S = 1


class Admission:
    """Counts requests under way; used by one event loop only."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0

    @contextmanager
    def enter(self) -> Generator[None, None, None]:
        """Let a request in, or answer 429."""
        if self._inside >= self._most:
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                "Too many requests are waiting. Try again in a moment.",
                {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"},
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
