"""Two writers whose commits are delayed, in both orders: a reader that has passed a number never misses one below.

The planted bug takes the lock away, and the same story must then lose an event.
"""

import threading
from pathlib import Path

import pytest

from keyuan.engines.database import Database
from keyuan.engines.secrets import Secrets, open_secrets
from keyuan.events import append, live, log, read_after
from store.event_rows import GATE, NOW, order, send

WAIT_S = 20
BLOCKED_S = 0.3


class Writer(threading.Thread):
    """Appends one event, then waits to be told to commit."""

    def __init__(self, database: Database, secrets: Secrets, raw: bytes) -> None:
        super().__init__(daemon=True)
        self._database, self._secrets, self._raw = database, secrets, raw
        self.numbered, self.commit = threading.Event(), threading.Event()

    def run(self) -> None:
        with self._database.transaction(1) as session:
            append(session, self._secrets, GATE.check_all([self._raw], NOW), live(NOW))
            self.numbered.set()
            assert self.commit.wait(WAIT_S)


class Reader:
    """Follows the log as a consumer does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position = 0
        self.seen = 0

    def read(self) -> None:
        with self._database.transaction(1) as session:
            for event in read_after(session, self._position):
                self.seen += 1
                self._position = event.seq


def events_seen(database: Database, secrets: Secrets, *, second_first: bool) -> int:
    """Return how many of three events a reader sees while two writers commit in the given order."""
    send(database, secrets, order(0))
    reader = Reader(database)
    reader.read()
    first, second = (Writer(database, secrets, order(number)) for number in (1, 2))
    first.start()
    assert first.numbered.wait(WAIT_S)
    second.start()
    second.numbered.wait(BLOCKED_S)
    for writer in (second, first) if second_first else (first, second):
        writer.commit.set()
        writer.join(BLOCKED_S)
        reader.read()
    first.join(WAIT_S)
    second.join(WAIT_S)
    reader.read()
    return reader.seen


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return open_secrets(tmp_path / "keys")


@pytest.mark.parametrize("second_first", [False, True])
def test_a_reader_misses_nothing_when_two_writers_commit_late(
    database: Database, secrets: Secrets, *, second_first: bool
):
    assert events_seen(database, secrets, second_first=second_first) == 3


def test_without_the_lock_the_reader_misses_an_event(
    database: Database, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(log._SQL, "lock", "SELECT %(tenant)s")
    assert events_seen(database, secrets, second_first=True) == 2


def test_the_lock_of_one_tenant_does_not_stop_another(database: Database, secrets: Secrets):
    writer = Writer(database, secrets, order(1))
    send(database, secrets, order(0), tenant=2)
    writer.start()
    assert writer.numbered.wait(WAIT_S)
    assert send(database, secrets, order(1), tenant=2) == (1, 0, 0)
    writer.commit.set()
    writer.join(WAIT_S)
