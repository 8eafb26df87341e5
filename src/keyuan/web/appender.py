"""Group commit: requests that wait together are appended in one transaction per tenant, then answered.

One thread per process empties a queue. What makes a transaction fail answers its requests with an error and nobody
else's. Deliberately not here: HTTP, and how many may wait (`admission.py`).
Units: bytes of raw events.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from keyuan.engines.database import Database, RetryTransactionError
from keyuan.engines.secrets import Secrets
from keyuan.events import Candidate, Receipt, append, live
from keyuan.kernel.errors import EngineError

GROUP_EVENTS_MAX = 2_000
GROUP_BYTES_MAX = 4_000_000
_log = logging.getLogger(__name__)


class AppendFailedError(EngineError):
    """The events could not be written; send them again."""


class AppenderClosedError(EngineError):
    """The server is stopping; send the events again in a moment."""


@dataclass(frozen=True, slots=True)
class Job:
    """The events of one request. Its future is done once they are durable, or failed."""

    tenant: int
    candidates: Sequence[Candidate]
    size: int
    done: Future[None] = field(default_factory=Future[None])


class Appender:
    """The thread that writes; `append_group` writes one tenant's group and returns when it is durable."""

    def __init__(self, append_group: Callable[[int, Sequence[Candidate]], object]) -> None:
        self._append_group = append_group
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._open = False
        self._thread = threading.Thread(target=self._run, name="appender", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._open = True
        self._thread.start()

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._gate:
            was_open, self._open = self._open, False
            self._queue.put(None)
        if was_open:
            self._thread.join()

    def put(self, job: Job) -> None:
        """Hand over the events of one request.

        Raises:
            AppenderClosedError: the server is stopping.
        """
        with self._gate:
            if not self._open:
                raise AppenderClosedError
            self._queue.put(job)

    def _run(self) -> None:
        waiting: Job | None = None
        while (first := waiting or self._queue.get()) is not None:
            group, waiting, stop = self._group(first)
            for tenant in dict.fromkeys(job.tenant for job in group):
                self._commit(tenant, [job for job in group if job.tenant == tenant])
            if stop:
                return

    def _group(self, first: Job) -> tuple[list[Job], Job | None, bool]:
        """Return what waits and fits into one group, the first job that does not fit, and whether to stop."""
        group, events, size = [first], len(first.candidates), first.size
        while True:
            try:
                job = self._queue.get_nowait()
            except Empty:
                return group, None, False
            if job is None:
                return group, None, True
            events, size = events + len(job.candidates), size + job.size
            if events > GROUP_EVENTS_MAX or size > GROUP_BYTES_MAX:
                return group, job, False
            group.append(job)

    def _commit(self, tenant: int, jobs: list[Job]) -> None:
        """Write the jobs of one tenant together; if that fails for another reason than the engine, each alone."""
        try:
            self._append_group(tenant, [candidate for job in jobs for candidate in job.candidates])
        except EngineError as error:
            _answer(jobs, error)
        except Exception as error:  # noqa: BLE001  # whatever happens, somebody waits for an answer
            _log.error("append failed: %s", type(error).__name__)  # a traceback may hold personal data
            if len(jobs) > 1:
                for job in jobs:
                    self._commit(tenant, [job])
            else:
                _answer(jobs, AppendFailedError())
        else:
            _answer(jobs, None)


def _answer(jobs: list[Job], error: EngineError | None) -> None:
    """Answer those that still wait; a client that is gone has cancelled its future."""
    for job in jobs:
        if job.done.set_running_or_notify_cancel():
            if error is None:
                job.done.set_result(None)
            else:
                job.done.set_exception(error)


def group_writer(
    database: Database, secrets: Secrets, now: Callable[[], datetime]
) -> Callable[[int, Sequence[Candidate]], Receipt]:
    """Return the function that writes a group in one transaction, tried twice if it met another one."""

    def write(tenant: int, candidates: Sequence[Candidate]) -> Receipt:
        try:
            return once(tenant, candidates)
        except RetryTransactionError:
            return once(tenant, candidates)

    def once(tenant: int, candidates: Sequence[Candidate]) -> Receipt:
        with database.transaction(tenant) as session:
            return append(session, secrets, candidates, live(now()))

    return write
