"""Group commit: requests that wait together are appended in one transaction per tenant, then answered.

One thread per process empties a queue: it judges what came in and writes it. Threads that judge beside the one that
writes only take Python's lock from each other, and what one made has to be fetched by the other's core: that cost a
fifth of all the work of intake (docs/decisions/0037). What makes a transaction fail answers its requests with an error
and nobody else's. Deliberately not here: HTTP, and how many may wait (`admission.py`).
Units: bytes of raw events.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import NamedTuple

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
    """The events of one request, judged when their turn comes. Its future is done once they are durable, or failed.

    What `judge` raises is the answer to this request alone.
    """

    tenant: int
    judge: Callable[[], Sequence[Candidate]]
    done: Future[None] = field(default_factory=Future[None])


class _Judged(NamedTuple):
    """A job, its events, and how many bytes they have."""

    job: Job
    candidates: Sequence[Candidate]
    size: int


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
        waiting, stop = None, False
        while not stop:
            group, waiting, stop = self._group(waiting)
            for tenant in dict.fromkeys(each.job.tenant for each in group):
                self._commit(tenant, [each for each in group if each.job.tenant == tenant])

    def _group(self, first: _Judged | None) -> tuple[list[_Judged], _Judged | None, bool]:
        """Return what waits and fits into one group, the first job that does not fit, and whether to stop."""
        group = [first] if first else []
        while True:
            try:
                job = self._queue.get(block=not group)
            except Empty:
                return group, None, False
            if job is None:
                return group, None, True
            judged = _judged(job)
            if group and judged and not _fit([*group, judged]):
                return group, judged, False
            if judged:
                group.append(judged)

    def _commit(self, tenant: int, group: list[_Judged]) -> None:
        """Write the jobs of one tenant together; if that fails for another reason than the engine, each alone."""
        jobs = [each.job for each in group]
        try:
            self._append_group(tenant, [candidate for each in group for candidate in each.candidates])
        except EngineError as error:
            _answer(jobs, error)
        except Exception as error:  # noqa: BLE001  # whatever happens, somebody waits for an answer
            _log.error("append failed: %s", type(error).__name__)  # a traceback may hold personal data
            if len(group) > 1:
                for each in group:
                    self._commit(tenant, [each])
            else:
                _answer(jobs, AppendFailedError())
        else:
            _answer(jobs, None)


def _judged(job: Job) -> _Judged | None:
    """Judge the events of a request; it is answered at once if that fails, or if there is nothing to write."""
    try:
        candidates = job.judge()
    except Exception as error:  # noqa: BLE001  # whatever happens, somebody waits for an answer
        _answer([job], error)
        return None
    if not candidates:
        _answer([job], None)
        return None
    return _Judged(job, candidates, sum([len(candidate.raw) for candidate in candidates]))


def _fit(group: list[_Judged]) -> bool:
    events = sum([len(each.candidates) for each in group])
    return events <= GROUP_EVENTS_MAX and sum([each.size for each in group]) <= GROUP_BYTES_MAX


def _answer(jobs: list[Job], error: Exception | None) -> None:
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
