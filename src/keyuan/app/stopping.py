"""Being told to stop by a signal.

An Event is not for handlers: its lock is not reentrant, and a second signal that arrives while the first is in `set`,
or a first one while the main thread is in `wait`, would wait for itself for ever. A pipe has no such lock.

Source: signal(7) and the self-pipe of D. J. Bernstein.
"""

import os
import select
import signal
from collections.abc import Iterable


class Stop:
    """Whether a signal has come; in the main thread only, because signals come there."""

    def __init__(self, signals: Iterable[signal.Signals]) -> None:
        self._heard, self._said = os.pipe()
        os.set_blocking(self._said, False)
        self._is_set = False
        for number in signals:
            signal.signal(number, self._tell)

    def _tell(self, _number: int, _frame: object) -> None:
        if not self._is_set:
            self._is_set = True
            os.write(self._said, b".")

    def is_set(self) -> bool:
        """Whether it is time to stop."""
        return self._is_set

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a signal; return whether one has come."""
        if not self._is_set:
            select.select([self._heard], [], [], timeout_s)
        return self._is_set


def told_to_stop() -> Stop:
    """Return what SIGTERM sets in a part of `up`; Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return Stop([signal.SIGTERM])
