"""The figures of the first page while it stands open: who may listen, how many, what is sent, and when it ends."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from keyuan import staff
from keyuan.engines.database import Database
from keyuan.flows.staff import signed_in, still_signed_in
from keyuan.kernel.ids import new_id
from keyuan.web.console import live
from keyuan.web.console.live import Pace
from real_server import Server
from web.console_house import ConsoleHouse, console_house
from web.serving import NOW

NO_DIGEST = "$argon2id$ of no password at all"
FAST = Pace(ask_s=0.05, silence_s=0.3, session_s=0.2)
WAIT_S = 20


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHouse]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "PACE", FAST)
        with console_house(server, tmp_path_factory.mktemp("console") / "keys") as house:
            yield house


@contextmanager
def listening(house: ConsoleHouse, token: str, language: str = "en") -> Generator[Iterator[str]]:
    """Listen, and yield the lines that come."""
    with (
        httpx.Client(base_url=house.address, cookies={"keyuan_staff": token}, timeout=WAIT_S) as client,
        client.stream("GET", f"/{language}/console/live") as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        yield answer.iter_lines()


def until(lines: Iterator[str], words: str) -> None:
    """Read on until words come."""
    end = time.monotonic() + WAIT_S
    for line in lines:
        if words in line:
            return
        assert time.monotonic() < end
    pytest.fail(f"the stream ended before {words!r}")


def test_who_is_not_signed_in_is_told_so_and_led_nowhere(house: ConsoleHouse):
    answer = httpx.get(f"{house.address}/en/console/live")
    assert answer.status_code == 401
    assert "location" not in answer.headers


def test_figures_come_at_once_in_the_language_of_the_page_and_again_when_something_happens(house: ConsoleHouse):
    with listening(house, house.session(), "zh") as chinese, listening(house, house.session()) as english:
        until(chinese, "未兑积分")
        until(english, "Points owed")
        house.shop.send(house.shop.order("ada", "2017-01-25T10:00:00Z", "7.00"))
        house.shop.run()
        until(english, "607")
        until(chinese, "607")


def test_all_who_listen_share_one_question_and_nobody_asks_while_nobody_listens(
    house: ConsoleHouse, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    ask = live.moved_to

    def counted(session: object) -> object:
        asked.append(threading.current_thread().name)
        return ask(session)

    with listening(house, house.session()) as alone:
        until(alone, "Points owed")
        monkeypatch.setattr(live, "moved_to", counted)
        time.sleep(1)
        by_one = len(asked)
        with listening(house, house.session()), listening(house, house.session()):
            asked.clear()
            time.sleep(1)
        assert 0 < len(asked) <= 2 * by_one
    time.sleep(1)
    asked.clear()
    time.sleep(0.5)
    assert asked == []


def test_a_question_that_nobody_waits_for_any_more_leaves_no_mark(house: ConsoleHouse, monkeypatch: pytest.MonkeyPatch):
    happened, asked, go_on = threading.Event(), threading.Event(), threading.Event()
    answer, look = live.figures, live.moved_to

    def place(session: Any) -> object:
        return look(session) if happened.is_set() else before

    def slow(*words: Any) -> Any:
        asked.set()
        assert go_on.wait(WAIT_S)
        return answer(*words)

    with listening(house, house.session()) as alone:
        until(alone, "Points owed")
        with house.shop.database.transaction(1) as session:
            before = look(session)
        monkeypatch.setattr(live, "FRESH_S", 1_000.0)  # nothing is asked again without a reason
        monkeypatch.setattr(live, "moved_to", place)
        monkeypatch.setattr(live, "figures", slow)
        house.shop.send(house.shop.order("ada", "2017-01-26T10:00:00Z", "13.00"))
        house.shop.run()
        happened.set()
        assert asked.wait(WAIT_S)
    time.sleep(1)  # the server has seen that nobody listens
    go_on.set()
    time.sleep(0.5)  # the question has its answer
    with listening(house, house.session()) as later:
        until(later, "620")


def test_a_silent_stream_shows_that_it_lives(house: ConsoleHouse):
    with listening(house, house.session()) as lines:
        until(lines, "Points owed")
        until(lines, ": still here")


def test_a_stream_ends_with_its_session(house: ConsoleHouse):
    token = house.session()
    with listening(house, token) as lines:
        until(lines, "Points owed")
        with house.shop.database.transaction(1) as session:
            staff.end_session(session, token)
        until(lines, "event: end")
        assert list(lines)[-1:] in ([], [""])


def test_an_account_has_so_many_streams_and_the_place_of_one_that_has_gone_is_free(house: ConsoleHouse):
    token = house.session()
    address = f"{house.address}/en/console/live"
    with listening(house, token) as first:
        until(first, "Points owed")
        opened = [listening(house, token) for _ in range(live.PER_ACCOUNT - 1)]
        for each in opened:
            each.__enter__()
        refused = httpx.get(address, cookies={"keyuan_staff": token})
        assert refused.status_code == 429
        assert refused.headers["retry-after"]
        for each in opened:
            each.__exit__(None, None, None)
    end = time.monotonic() + WAIT_S
    while True:
        with httpx.stream("GET", address, cookies={"keyuan_staff": token}) as answer:
            if answer.status_code == 200:
                return
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_page_that_stands_open_does_not_keep_a_session_from_ending(database: Database):
    account = new_id()
    with database.transaction(1) as session:
        staff.make_account(session, account, "ada", NO_DIGEST, NOW)
        staff.set_password(session, account, NO_DIGEST, must_change=False)
        staff.begin_session(session, account, "a token", NOW)
    for hours in range(1, 8):
        assert still_signed_in(database, 1, "a token", NOW + timedelta(hours=hours))
    assert not still_signed_in(database, 1, "a token", NOW + timedelta(hours=8))
    assert signed_in(database, 1, "a token", NOW + timedelta(hours=8)) is None


def test_an_open_stream_ends_when_the_server_stops_and_keeps_nobody_waiting(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with ExitStack() as stack:
        with console_house(server, tmp_path / "keys") as house:
            lines = stack.enter_context(listening(house, house.session()))
            until(lines, "Points owed")
        assert "event: end" not in list(lines)  # it may come back: the server, not the session has ended
    assert "graceful shutdown exceeded" not in caplog.text
