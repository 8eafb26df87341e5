"""The story of an import: read, map, merge by time, and append through the same gate as HTTP.

Each transaction takes a batch and notes how far the import is, so a run that was killed goes on where it was, with
the same result: files are read in one order. The same files again are known by their digest and skipped. A file that
changed since is imported from its start: message ids tell what is known already, and what has other content now.
Deliberately not here: what becomes of the events (`consume.py`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from keyuan import events
from keyuan.engines.database import Database, RetryTransactionError, Session
from keyuan.engines.secrets import Secrets
from keyuan.events import calendar
from keyuan.events.mapping import CALENDAR_RANK, Made, Mapping
from keyuan.events.model import AHEAD_MAX, Draft, OtherFileError, Reason
from keyuan.events.progress import Progress
from keyuan.flows.import_plan import (
    Where,
    find_tables,
    fingerprint,
    import_plan,
    opened_tables,
    rows_total,
    shipped_mapping,
)
from keyuan.kernel.errors import ConflictError

__all__ = ["ImportMovedError", "ImportReport", "import_files", "import_plan", "rows_total", "shipped_mapping"]

BATCH_EVENTS_MAX = 2_000
BATCH_BYTES_MAX = 4_000_000
RETRIES_MAX = 5
OnProgress = Callable[[int, int], None]


class ImportMovedError(ConflictError):
    """Another run of this import is at work; wait until it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What one run did. `events` are new in the log; `before`: rows that an earlier run had taken already.

    `done_before`: the same files were imported whole before, so nothing was read. `unused`: columns by file.
    """

    events: int = 0
    repeats: int = 0
    quarantined: Dict[str, int] = field(default_factory=dict[str, int])
    unused: Dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    before: int = 0
    done_before: bool = False


def import_files(
    database: Database,
    secrets: Secrets,
    tenant: int,
    mapping: Mapping,
    where: Where,
    *,
    system_now: datetime,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Import files as their mapping says and return what became of their rows.

    Raises:
        MappingError: the mapping names what the files do not have.
        FileError: a file is missing, empty or not of its format.
        ImportMovedError: the same import runs elsewhere.
    """
    tables = find_tables(mapping, where)
    run = _Run(secrets, mapping, fingerprint(mapping, tables), system_now)
    with database.transaction(tenant) as session:
        start = run.begin(session)
    if start.done:
        return ImportReport(before=start.next_row, done_before=True)
    with opened_tables(mapping, tables) as ready:
        run.next_row = start.next_row
        for batch, last in _batches(islice(ready.stream(), start.next_row, None)):
            _take(database, tenant, run, batch, last=last)
            if on_progress is not None:
                on_progress(run.next_row, ready.total)
        return ImportReport(
            events=run.appended,
            repeats=run.repeats,
            quarantined=dict(run.quarantined),
            unused=ready.unused,
            before=start.next_row,
        )


def _batches(stream: Iterator[Made]) -> Iterator[tuple[list[Made], bool]]:
    """Yield batches within the limits; the last one, which may be empty, is marked."""
    batch: list[Made] = []
    size = 0
    for made in stream:
        if len(batch) >= BATCH_EVENTS_MAX or (batch and size + len(made.body) > BATCH_BYTES_MAX):
            yield batch, False
            batch, size = [], 0
        batch.append(made)
        size += len(made.body)
    yield batch, True


def _take(database: Database, tenant: int, run: "_Run", batch: Sequence[Made], *, last: bool) -> None:
    """Append one batch in a transaction of its own; one that met another is run again."""
    candidates = [run.candidate(made) for made in batch]
    for left in reversed(range(RETRIES_MAX)):
        try:
            with database.transaction(tenant) as session:
                counted = run.append(session, candidates, done=last)
        except RetryTransactionError:
            if left == 0:
                raise
        else:
            run.count(counted, len(batch))
            return


_Counted = tuple[events.Receipt, Counter[str]]


class _Run:
    """One run of an import: where it is, and what became of what it took."""

    def __init__(self, secrets: Secrets, mapping: Mapping, fingerprint: str, system_now: datetime) -> None:
        self._secrets = secrets
        self._name = mapping.name
        self._fingerprint = fingerprint
        self._gate = events.Gate(source=mapping.name, currency=mapping.currency)
        self._calendar = events.Gate(source=calendar.SOURCE)
        self._policy = events.imported(system_now, mapping.end)
        self._now = system_now
        self.next_row = self.appended = self.repeats = 0
        self.quarantined: Counter[str] = Counter()

    def begin(self, session: Session) -> Progress:
        """Return how far this import is; other files under its name start afresh."""
        try:
            return events.progress(session, self._name, self._fingerprint)
        except OtherFileError:
            events.note_progress(session, self._name, self._fingerprint, 0, done=False)
            return Progress(0, done=False)

    def candidate(self, made: Made) -> events.Candidate:
        """Return an event at the door: judged by the gate like any other, or refused by the mapping already."""
        if made.refusal is None:
            gate = self._calendar if made.rank == CALENDAR_RANK else self._gate
            return gate.check(made.body, self._now)
        return events.Candidate(made.body, self._gate.source, self._now, made.refusal)

    def append(self, session: Session, candidates: Sequence[events.Candidate], *, done: bool) -> _Counted:
        """Append a batch and note how far the import is, in the transaction of the caller."""
        at = events.progress(session, self._name, self._fingerprint)
        if at.done or at.next_row != self.next_row:
            raise ImportMovedError(name=self._name)
        horizon = self._policy.horizon or events.clock_at(session, self._now) + AHEAD_MAX
        receipt = events.append(session, self._secrets, candidates, self._policy)
        events.note_progress(session, self._name, self._fingerprint, self.next_row + len(candidates), done=done)
        return receipt, _reasons(candidates, receipt, horizon)

    def count(self, counted: _Counted, size: int) -> None:
        """Add up what a committed batch did."""
        receipt, reasons = counted
        self.next_row += size
        self.appended += receipt.appended
        self.repeats += receipt.repeats
        self.quarantined += reasons


def _reasons(candidates: Sequence[events.Candidate], receipt: events.Receipt, horizon: datetime) -> Counter[str]:
    """Return why events of a batch are in quarantine: what the gate said, too far ahead, and the rest are conflicts."""
    reasons: Counter[str] = Counter()
    for candidate in candidates:
        if not isinstance(candidate.checked, Draft):
            reasons[candidate.checked.reason.value] += 1
        elif candidate.checked.at is not None and candidate.checked.at > horizon:
            reasons[Reason.TOO_FAR_AHEAD.value] += 1
    reasons[Reason.CONFLICT.value] += receipt.quarantined - reasons.total()
    return +reasons
