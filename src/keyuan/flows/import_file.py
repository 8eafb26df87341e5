"""The story of an import: read, map, merge by time, and append through the same gate as HTTP.

Each transaction takes a batch and notes how far the import is, so a run that was killed goes on where it was, with
the same result: files are read in one order. The same files again are known by their digest and skipped. A file that
changed since is imported from its start: message ids tell what is known already, and what has other content now.
Deliberately not here: what becomes of the events (`consume.py`).
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from collections.abc import Mapping as Dict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from itertools import islice
from pathlib import Path

import msgspec

from keyuan import events
from keyuan.engines.database import Database, RetryTransactionError, Session
from keyuan.engines.files import FileError, Files, Opened, Table, file_digest, format_of, locate
from keyuan.engines.secrets import Secrets
from keyuan.events.mapping import (
    Made,
    Mapping,
    MappingError,
    columns_wanted,
    events_of,
    lookups_of,
    merged,
    parse_mapping,
    plan_source,
    refused_lines,
    unused_columns,
)
from keyuan.events.model import AHEAD_MAX, Draft, OtherFileError, Reason
from keyuan.events.progress import Progress
from keyuan.kernel.digest import sha256
from keyuan.kernel.errors import ConflictError

BATCH_EVENTS_MAX = 2_000
BATCH_BYTES_MAX = 4_000_000
RETRIES_MAX = 5
VERSION = b"1"
"""Part of the fingerprint: when the same files come to give other events, this changes and imports start afresh."""

Where = Path | Sequence[Path]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The opened files of an import: their events in order, how many there are, and the columns nobody asks for."""

    stream: Callable[[], Iterator[Made]]
    total: int
    unused: Dict[str, list[str]]


def shipped_mapping(name: str) -> Mapping:
    """Return a mapping that comes with Keyuan: `complete_journey`."""
    return parse_mapping(resources.files("keyuan.flows").joinpath("maps", f"{name}.toml").read_text(encoding="utf-8"))


def rows_total(mapping: Mapping, where: Where) -> int:
    """Return how many events (and lines that make none) an import has to take, for a progress bar."""
    with import_plan(mapping, where) as ready:
        return ready.total


@contextmanager
def import_plan(mapping: Mapping, where: Where) -> Generator[Ready]:
    """Open the files of an import and yield what is in them, without a database.

    Raises:
        MappingError: the mapping names what the files do not have.
        FileError: a file is missing, empty or not of its format.
    """
    with _opened(mapping, _tables(mapping, where)) as ready:
        yield ready


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
    tables = _tables(mapping, where)
    run = _Run(secrets, mapping, fingerprint(mapping, tables), system_now)
    with database.transaction(tenant) as session:
        start = run.begin(session)
    if start.done:
        return ImportReport(before=start.next_row, done_before=True)
    with _opened(mapping, tables) as ready:
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


def fingerprint(mapping: Mapping, tables: Sequence[Table]) -> str:
    """Return what tells an import from every other: the mapping and the content of its files."""
    parts = [part for table in tables for part in (table.name.encode(), file_digest(table.path))]
    return sha256(VERSION, msgspec.json.encode(mapping, order="deterministic"), *parts).hex()


def _tables(mapping: Mapping, where: Where) -> list[Table]:
    """Return the files that the mapping names, found on disk."""
    asked: dict[str, tuple[str, str]] = {}
    for source in mapping.source:
        for named in (source, *source.join):
            how = (named.encoding, named.delimiter)
            if asked.setdefault(named.file, how) != how:
                raise MappingError(f"The file {named.file} is given with two encodings or delimiters.")
    tables: list[Table] = []
    for name, (encoding, delimiter) in asked.items():
        path = locate(name, where, only_one=len(asked) == 1)
        between = "\t" if path.suffix.lower() == ".tsv" and delimiter == "," else delimiter
        tables.append(Table(name=name, path=path, format=format_of(path), encoding=encoding, delimiter=between))
    return tables


@contextmanager
def _opened(mapping: Mapping, tables: Sequence[Table]) -> Generator[Ready]:
    wanted = columns_wanted(mapping)
    with Files(size_bytes=sum(table.path.stat().st_size for table in tables)) as files:
        opened = {table.name: files.open(table, wanted[table.name]) for table in tables}
        columns = {name: each.columns for name, each in opened.items()}
        plans = [plan_source(mapping, rank, columns) for rank in range(len(mapping.source))]
        _refuse_repeated_keys(files, mapping)
        total = sum(files.count(plan.selection) for plan in plans) + sum(len(each.rejects) for each in opened.values())
        if total == 0:
            raise FileError(f"There are no rows to import in {', '.join(table.path.name for table in tables)}.")

        def stream() -> Iterator[Made]:
            sources = [events_of(plan, files.chunks(plan.selection)) for plan in plans]
            return merged([*_rejected(opened), *sources])

        yield Ready(stream=stream, total=total, unused=unused_columns(mapping, columns))


def _rejected(opened: Dict[str, Opened]) -> list[Iterator[Made]]:
    """Return the lines that are not rows; their ranks are below those of all sources."""
    return [refused_lines(name, rank - len(opened), each.rejects) for rank, (name, each) in enumerate(opened.items())]


def _refuse_repeated_keys(files: Files, mapping: Mapping) -> None:
    """A lookup that finds two rows would double what is looked up for."""
    for table, keys in lookups_of(mapping).items():
        for key in sorted(keys):
            if (found := files.repeated_key(table, key)) is not None:
                raise MappingError(f"{table} holds {', '.join(key)} = {found} more than once; a lookup must be unique.")


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
            return self._gate.check(made.body, self._now)
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
