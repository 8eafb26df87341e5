"""The appender and the intake under pressure: shared commits, overload, a database that is gone."""

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psycopg
import pytest

from keyuan.engines.database import Database, DatabaseGoneError
from keyuan.engines.database.session import Session
from keyuan.engines.secrets import Secrets
from keyuan.events import Candidate, Gate, read_after
from keyuan.web import make_app
from keyuan.web.appender import Appender, AppenderClosedError, AppendFailedError, Job
from keyuan.web.intake import Intake, Patience
from keyuan.web.write_keys import REMEMBER_S, WriteKeys
from web.serving import NOW, serving

TRACK = {"type": "track", "event": "Signed In", "userId": "u1"}
LOCK = "SELECT pg_advisory_lock(hashtextextended('events.log', 1))"
UNLOCK = "SELECT pg_advisory_unlock_all()"
WAIT_S = 30


def job(tenant: int, count: int = 1, size: int = 0) -> Job:
    """A request of so many events, each filled up to so many bytes."""
    raw = b'{"type":"track","event":"x","userId":"u"}'.ljust(size)
    return Job(tenant, lambda: Gate(source="till").check_all([raw] * count, NOW))


class Writes:
    """A fake of the database's side: notes its groups, and can be told to wait or to fail."""

    def __init__(self, fail: Callable[[int, int], Exception | None] = lambda _tenant, _count: None) -> None:
        self.groups: list[tuple[int, int]] = []
        self.entered, self.go = threading.Event(), threading.Event()
        self._fail = fail

    def __call__(self, tenant: int, candidates: Sequence[Candidate]) -> None:
        self.entered.set()
        assert self.go.wait(WAIT_S)
        self.groups.append((tenant, len(candidates)))
        if error := self._fail(tenant, len(candidates)):
            raise error


def run(writes: Writes, jobs: list[Job]) -> list[BaseException | None]:
    """Put the first job, and the others while it is being written."""
    appender = Appender(writes)
    appender.start()
    for each in jobs:
        appender.put(each)
        assert writes.entered.wait(WAIT_S)
    writes.go.set()
    errors = [each.done.exception(WAIT_S) for each in jobs]
    appender.close()
    return errors


def test_what_waits_together_shares_one_commit_per_tenant():
    writes = Writes()
    assert run(writes, [job(1), job(1, 2), job(2), job(1, 3)]) == [None] * 4
    assert writes.groups[0] == (1, 1)
    assert sorted(writes.groups[1:]) == [(1, 5), (2, 1)]


def test_a_group_is_bounded_by_events_and_by_bytes():
    writes = Writes()
    run(writes, [job(1), job(1, 1_500), job(1, 600), job(1, 1, 3_999_999), job(1, 1, 3_999_999)])
    assert writes.groups == [(1, 1), (1, 1_500), (1, 600), (1, 1), (1, 1)]


def test_a_request_that_breaks_a_commit_fails_alone():
    writes = Writes(lambda _, count: ValueError("canary-secret") if count in (2, 7) else None)
    errors = run(writes, [job(1), job(1, 2), job(1, 4), job(1, 1)])
    assert [type(error) for error in errors] == [type(None), AppendFailedError, type(None), type(None)]


def test_a_database_that_is_gone_fails_the_group_once():
    writes = Writes(lambda tenant, _: DatabaseGoneError() if tenant == 2 else None)
    errors = run(writes, [job(1), job(2), job(2), job(1)])
    assert [type(error) for error in errors] == [type(None), DatabaseGoneError, DatabaseGoneError, type(None)]
    assert writes.groups == [(1, 1), (2, 2), (1, 1)]


def test_closing_writes_what_waits_and_takes_no_more():
    writes = Writes()
    appender = Appender(writes)
    appender.start()
    jobs = [job(1), job(1), job(2)]
    for each in jobs:
        appender.put(each)
    writes.go.set()
    appender.close()
    assert all(each.done.done() for each in jobs)
    with pytest.raises(AppenderClosedError):
        appender.put(job(1))


def test_a_client_that_is_gone_does_not_disturb_the_others():
    writes = Writes()
    jobs = [job(1), job(1), job(1)]
    jobs[1].done.cancel()
    appender = Appender(writes)
    appender.start()
    for each in jobs:
        appender.put(each)
    writes.go.set()
    assert jobs[2].done.result(WAIT_S) is None
    appender.close()


@contextmanager
def held_log(superuser: psycopg.Connection[Any]) -> Generator[None, None, None]:
    """Keep every writer of tenant 1 waiting."""
    superuser.execute(LOCK)
    try:
        yield
    finally:
        superuser.execute(UNLOCK)


def waiting_writers(superuser: psycopg.Connection[Any]) -> int:
    row = superuser.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone()
    return row[0] if row else 0


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    pause = threading.Event()
    for _ in range(WAIT_S * 50):
        if true():
            return
        pause.wait(0.02)
    raise AssertionError("it never became true")


def post(address: str, key: str, name: str) -> httpx.Response:
    body = {"batch": [TRACK | {"messageId": name}]}
    return httpx.post(f"{address}/v1/batch", json=body, auth=(key, ""), timeout=WAIT_S)


def answered_early(
    database: Database, secrets: Secrets, keys: dict[int, str], superuser: psycopg.Connection[Any]
) -> bool:
    """Tell whether one of six requests is answered while no event of theirs is in the log; then see all answered."""
    with serving(make_app(database, secrets)) as address, ThreadPoolExecutor(8) as threads:
        with held_log(superuser):
            first = threads.submit(post, address, keys[1], "first")
            wait_until(lambda: waiting_writers(superuser) == 1)
            others = [threads.submit(post, address, keys[1], f"m{number}") for number in range(5)]
            early = bool(wait([first, *others], timeout=0.3).done)
            assert superuser.execute("SELECT count(*) FROM events.log WHERE tenant = 1").fetchone() == (0,)
        assert [each.result(WAIT_S).status_code for each in [first, *others]] == [200] * 6
    return early


def test_no_answer_before_the_commit_and_requests_that_wait_share_one(
    database: Database, secrets: Secrets, keys: dict[int, str], superuser: psycopg.Connection[Any]
):
    assert not answered_early(database, secrets, keys, superuser)
    commits = superuser.execute("SELECT count(DISTINCT xmin::text) FROM events.log WHERE tenant = 1").fetchone()
    assert commits is not None
    assert commits[0] < 6


def test_an_answer_that_does_not_wait_is_noticed(
    database: Database,
    secrets: Secrets,
    keys: dict[int, str],
    superuser: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
):
    async def at_once(_intake: Intake, _job: Job) -> None:
        return

    monkeypatch.setattr(Intake, "_answered", at_once)
    assert answered_early(database, secrets, keys, superuser)


def test_one_message_sent_many_times_at_once_is_in_the_log_once(
    database: Database, secrets: Secrets, keys: dict[int, str]
):
    body = {"batch": [TRACK | {"messageId": "the same"}]}
    with (
        serving(make_app(database, secrets)) as address,
        httpx.Client(auth=(keys[1], ""), timeout=WAIT_S) as client,
        ThreadPoolExecutor(16) as threads,
    ):
        sent = [threads.submit(client.post, f"{address}/v1/batch", json=body) for _ in range(300)]
        assert {each.result(WAIT_S).status_code for each in sent} == {200}
    with database.transaction(1) as session:
        assert len(read_after(session, 0)) == 1


def test_too_many_waiting_requests_are_told_to_come_back(
    database: Database, secrets: Secrets, keys: dict[int, str], superuser: psycopg.Connection[Any]
):
    app = make_app(database, secrets, patience=Patience(waiting_max=2))
    with serving(app) as address, ThreadPoolExecutor(2) as threads:
        with held_log(superuser):
            waiting = [threads.submit(post_until_taken, address, keys[1], name) for name in ("a", "b")]
            turned_away = told_to_come_back(address, keys[1])
            assert int(turned_away.headers["retry-after"]) >= 1
            assert turned_away.headers["content-type"] == "application/problem+json"
        assert [each.result(WAIT_S).status_code for each in waiting] == [200, 200]
        assert post(address, keys[1], "c").status_code == 200
    with database.transaction(1) as session:
        assert len(read_after(session, 0)) == 3


def post_until_taken(address: str, key: str, name: str) -> httpx.Response:
    """Do what a client does that is told to come back."""
    found: list[httpx.Response] = []
    wait_until(lambda: found.append(post(address, key, name)) or found[-1].status_code != 429)
    return found[-1]


def told_to_come_back(address: str, key: str) -> httpx.Response:
    """Ask with an empty batch until there is no room; while there is some, it waits with the others."""
    found: list[httpx.Response] = []

    def full() -> bool:
        with suppress(httpx.ReadTimeout):
            found.append(httpx.post(f"{address}/v1/batch", json={"batch": []}, auth=(key, ""), timeout=1))
        return bool(found) and found[-1].status_code == 429

    wait_until(full)
    return found[-1]


def test_who_waits_too_long_is_told_to_come_back(
    database: Database, secrets: Secrets, keys: dict[int, str], superuser: psycopg.Connection[Any]
):
    with serving(make_app(database, secrets, patience=Patience(answer_s_max=0.2))) as address:
        with held_log(superuser):
            response = post(address, keys[1], "a")
            assert (response.status_code, response.headers["retry-after"]) == (503, "2")
        assert post(address, keys[1], "b").status_code in {200, 503}
        wait_until(lambda: post(address, keys[1], "a").status_code == 200)
    with database.transaction(1) as session:
        assert len({event.message_key for event in read_after(session, 0)}) == len(read_after(session, 0))


class Unplugged(Database):
    """A database that can be pulled out."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.gone = False

    @contextmanager
    def transaction(
        self, tenant: int, *, snapshot: bool = False, behind: bool = False
    ) -> Generator[Session, None, None]:
        if self.gone:
            raise DatabaseGoneError
        with self._inner.transaction(tenant, snapshot=snapshot, behind=behind) as session:
            yield session


def test_without_a_database_the_answer_is_503_and_later_200(database: Database, secrets: Secrets, keys: dict[int, str]):
    plug = Unplugged(database)
    with serving(make_app(plug, secrets)) as address:
        assert post(address, keys[1], "a").status_code == 200
        plug.gone = True
        for response in (post(address, keys[1], "b"), post(address, keys[2], "c"), httpx.get(f"{address}/readyz")):
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) >= 1
            assert response.headers["content-type"] == "application/problem+json"
        assert httpx.get(f"{address}/livez").status_code == 200
        plug.gone = False
        assert post(address, keys[1], "b").status_code == 200
    with database.transaction(1) as session:
        assert len(read_after(session, 0)) == 2


def test_write_keys_are_remembered_for_a_short_time_only(database: Database, keys: dict[int, str]):
    time = [0.0]
    plug = Unplugged(database)
    found = WriteKeys(plug, lambda: time[0])
    source = found.look_up(keys[1])
    plug.gone = True
    assert found.remembered(keys[1]) == (True, source)
    time[0] = REMEMBER_S + 1
    assert found.remembered(keys[1])[0] is False
    with pytest.raises(DatabaseGoneError):
        found.look_up(keys[1])
