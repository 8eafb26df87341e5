"""PROMISES 3: one order sent 1,000 times at once, through kills, has one effect; its id with other content has none."""

import json
import threading
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from crash.checker import faults
from crash.clients import send
from crash.harness import furnish_house, settle
from crash.house import House, house
from crash.orders import Story, is_member
from keyuan import events

TIMES = 1_000
CONNECTIONS = 8
EACH = 5
STORY = Story(7)
NUMBER = next(n for n in range(1, 100) if is_member(STORY.happened(n).customer) and STORY.happened(n).points > 5)
MESSAGE = f"till-{NUMBER}"


class Crowd:
    """Connections that together send one order a thousand times, in batches of it alone."""

    def __init__(self, served: House, body: dict[str, Any]) -> None:
        self.answers: Counter[bool] = Counter()
        self._served = served
        self._batch = json.dumps({"batch": [body] * EACH})
        self._start = threading.Barrier(CONNECTIONS + 1)
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CONNECTIONS)]

    def send(self) -> None:
        for thread in self._threads:
            thread.start()
        self._start.wait()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()

    def _run(self) -> None:
        with httpx.Client(timeout=20) as client:
            self._start.wait()
            for _ in range(TIMES // EACH // CONNECTIONS):
                while not send(client, self._served.where, self._batch):
                    self.answers[False] += 1
                self.answers[True] += 1


@pytest.mark.timeout(600)
def test_one_order_sent_a_thousand_times_through_kills_is_awarded_once(tmp_path: Path):
    with house(tmp_path / "data") as served:
        furnish_house(served)
        crowd = Crowd(served, STORY.body(MESSAGE))
        crowd.send()
        for target in ("web", "points", "portraits", "postmaster", "backend"):
            served.kill(target, Random(1))
            served.wait_served()
        crowd.join()
        assert crowd.answers[True] * EACH == TIMES
        other = STORY.body(MESSAGE) | {"properties": STORY.body(MESSAGE)["properties"] | {"total_minor": 999_999}}
        with httpx.Client(timeout=20) as client:
            assert send(client, served.where, json.dumps({"batch": [other, other]}))
        settle(served)
        with served.inside() as inside:
            found = faults(inside.database, inside.secrets, STORY, [MESSAGE], [MESSAGE])
            assert found == ["quarantined: 1 conflict"], found
            with inside.database.transaction(inside.tenant) as session:
                assert [(each.reason, each.times) for each in events.quarantined(session)] == [("conflict", 2)]
        assert served.ask("replay")["still_refused"] == 1
        with served.inside() as inside:
            assert faults(inside.database, inside.secrets, STORY, [MESSAGE], [MESSAGE]) == ["quarantined: 1 conflict"]
