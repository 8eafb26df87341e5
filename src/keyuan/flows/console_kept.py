"""Answers that read a lot, kept for a while: everybody's traits, and the weeks of the whole log.

An answer is made anew when the log has gone on and it is no longer fresh; what a page shows may be so much older than
the log. Kept per process and tenant; a page says as of when.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from keyuan import events
from keyuan.engines.database import Session
from keyuan.flows.places import passed_by_all

FRESH_S: Final = 10.0
_KEPT_MAX: Final = 64
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Entry:
    position: tuple[object, ...]
    made_s: float
    answer: Any


@dataclass(slots=True)
class Kept:
    """Answers by tenant and name, each with how far the log was when it was made."""

    fresh_s: float = FRESH_S
    _entries: dict[tuple[int, str], _Entry] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, session: Session, name: str, also: object, make: Callable[[], Answer]) -> Answer:
        """Return a kept answer, or make it; one that depends on something `also` is made anew when that differs."""
        key = (session.tenant, name)
        position = (also, events.last_seq(session), passed_by_all(session))
        known = self._entries.get(key)
        if known is not None and self._serves(known, position):
            return cast("Answer", known.answer)
        answer = make()
        with self._lock:
            if len(self._entries) >= _KEPT_MAX:
                self._entries.clear()
            self._entries[key] = _Entry(position, time.monotonic(), answer)
        return answer

    def _serves(self, known: _Entry, position: tuple[object, ...]) -> bool:
        if known.position == position:
            return True
        is_fresh = time.monotonic() - known.made_s < self.fresh_s
        return known.position[0] == position[0] and is_fresh
