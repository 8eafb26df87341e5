"""How many events a second go from HTTP to durable and processed, against TPC-B in the same run.

A real `keyuan up` on the bench's cluster: four connections send batches of 500 `Order Completed` messages of 650
bytes (2 or 3 lines, one sealed field), not compressed, for 10,000 members whose portraits feed 20 rules. A round is
timed from the first request until both consumers have taken in the last event; making the messages is not timed. While
TPC-B runs, our processes are suspended. Chain and lake are switched off: they come after. At the end
every event has its award, and the books are rebuilt from their entries.
"""

import base64
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from typing import Any, Self
from urllib.parse import urlsplit

import psutil

from benches.tpcb import Bench, arguments, show
from keyuan import events, ledger, loyalty, segments
from keyuan.app.demo.story import EVIDENCE, PROGRAMME, SEGMENTS
from keyuan.app.installation import KEYS, Installation, attached
from keyuan.consent import Decision, Purpose, Record
from keyuan.engines.secrets import open_secrets
from keyuan.flows.places import passed_by_all
from keyuan.flows.record_consent import record_consent
from keyuan.kernel.clock import to_us
from keyuan.kernel.config import load_settings
from keyuan.profiles import store as portraits

EVENT_BYTES = 650
BATCH = 500
BATCHES, BATCHES_QUICK = 200, 20
CONNECTIONS = 4
CUSTOMERS = 10_000
RULES = 20
CATEGORIES = ("COFFEE", "FLUID MILK PRODUCTS", "SOFT DRINKS", "BAKED BREAD/BUNS/ROLLS", "CHEESE")
_CONSENT_US = to_us(datetime(2020, 1, 1, tzinfo=UTC))
_START_S_MAX = 60


class Till:
    """Makes batches as Segment's Python client sends them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = count(1)

    def batch(self) -> bytes:
        """The body of the next request."""
        return b'{"batch":[' + b",".join(self._message() for _ in range(BATCH)) + b"]}"

    def _message(self) -> bytes:
        number, lines = next(self.numbers), [self._line() for _ in range(self.random.randint(2, 3))]
        message = {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"bench-{number:010}",
            "userId": user_id(self.random.randrange(CUSTOMERS)),
            "timestamp": datetime.now(UTC).isoformat(),
            "context": {"library": {"name": "analytics-python", "version": "2.3.4"}},
            "integrations": {},
            "properties": {
                "order_id": f"{number:010}",
                "affiliation": "Market Street",
                "currency": "USD",
                "total_minor": sum(line["total_minor"] for line in lines),
                "products": lines,
            },
        }
        lines[0]["name"] = "x" * (EVENT_BYTES - len(_encoded(message)) - len(',"name":""'))
        raw = _encoded(message)
        assert len(raw) == EVENT_BYTES
        return raw

    def _line(self) -> dict[str, Any]:
        return {
            "product_id": str(self.random.randint(100_000, 999_999)),
            "quantity": self.random.randint(1, 3),
            "total_minor": self.random.randint(100, 900),
            "category": self.random.choice(CATEGORIES),
        }


def _encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def user_id(customer: int) -> str:
    return f"customer:{customer:05}"


def furnish(inside: Installation) -> None:
    """Have a programme, 20 rules, and customers who agreed to points and portraits."""
    more = [
        replace(SEGMENTS[place], name=f"bench_{place}", rule=f"orders_30d >= {4 * place + 4} AND spend_minor > 900")
        for place in range(RULES - len(SEGMENTS))
    ]
    tenant, secrets = inside.tenant, inside.secrets
    with inside.database.transaction(tenant) as session:
        loyalty.create_programme(session, PROGRAMME)
        segments.save(session, [*SEGMENTS, *more])
        senders = [secrets.sender(tenant, "user", user_id(customer)) for customer in range(CUSTOMERS)]
        people = portraits.resolve(session, senders).values()
        record_consent(
            session,
            [
                Record(
                    person=person,
                    purpose=purpose,
                    decision=Decision.GIVEN,
                    effective_at_us=_CONSENT_US,
                    evidence=EVIDENCE,
                )
                for person in people
                for purpose in (Purpose.LOYALTY, Purpose.PERSONALISATION)
            ],
        )


class Server:
    """A `keyuan up` on the data folder of the bench."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._up = subprocess.Popen(
            [sys.executable, "-m", "keyuan.cli", "up", "--data", str(data), "--json"],
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | {"KEYUAN_CHAIN": "off", "KEYUAN_LAKE": "off"},
        )
        assert self._up.stdout is not None
        assert self._up.stdout.readline()
        run = json.loads((data / "run.json").read_text(encoding="utf-8"))
        self._place = urlsplit(run["url"]).netloc
        self._headers = {"Authorization": "Basic " + base64.b64encode(f"{run['write_key']}:".encode()).decode()}
        deadline_s = time.monotonic() + _START_S_MAX
        while not self._is_ready():
            assert time.monotonic() < deadline_s
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self._place, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()

    def send(self, bodies: list[bytes]) -> None:
        """Send requests over several connections; return when each was answered with 200."""
        waiting: SimpleQueue[bytes] = SimpleQueue()
        for body in bodies:
            waiting.put(body)
        threads = [threading.Thread(target=self._send, args=(waiting,)) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert waiting.empty(), "a connection broke"

    def _send(self, waiting: "SimpleQueue[bytes]") -> None:
        connection = http.client.HTTPConnection(self._place, timeout=60)
        try:
            while True:
                connection.request("POST", "/v1/batch", waiting.get_nowait(), self._headers)
                answer = connection.getresponse()
                assert answer.status == http.client.OK, answer.read()
                answer.read()
        except Empty:
            connection.close()

    @contextmanager
    def suspended(self) -> Generator[None, None, None]:
        """Let our processes rest meanwhile."""
        tree = [psutil.Process(self._up.pid), *psutil.Process(self._up.pid).children(recursive=True)]
        for process in tree:
            process.suspend()
        try:
            yield
        finally:
            for process in tree:
                process.resume()

    def stop(self) -> None:
        """Stop it as an operator would."""
        self._up.terminate()
        assert self._up.wait(60) == os.EX_OK


def wait_processed(inside: Installation) -> None:
    """Wait until all consumers have passed the last event."""
    while True:
        with inside.database.transaction(inside.tenant) as session:
            if passed_by_all(session) >= events.last_seq(session):
                return
        time.sleep(0.02)


def check(inside: Installation, sent: int) -> str:
    """Say what the round came to; every event is in the log, and the books agree."""
    with inside.database.transaction(inside.tenant) as session:
        assert events.count_kinds(session) == {"order": sent}
        assert not events.open_counts(session)
        report, awards = ledger.verify(session), ledger.totals(session, datetime.now(UTC)).awards
    assert report.ok, report.words()
    return f"{report.words()}, {awards} awards for {sent} orders"


class Suspending(Bench):
    """The comparison, with our processes at rest while the baseline runs."""

    server: Server

    def __enter__(self) -> Self:
        # The cluster is made before the installation: its keys have to be there when it is found.
        open_secrets(self.data / KEYS)
        return super().__enter__()

    def _tpcb(self) -> float:
        with self.server.suspended():
            return super()._tpcb()


def main() -> None:
    options = arguments(__doc__)
    till, sent = Till(Random(1)), 0
    batches = BATCHES_QUICK if options.quick else BATCHES
    with Suspending("events", quick=options.quick) as bench:
        bench.server = Server(bench.data)
        with attached(load_settings(bench.data)) as inside:
            furnish(inside)

            def one_round() -> float:
                nonlocal sent
                bodies = [till.batch() for _ in range(batches)]
                bench.checkpoint()
                start = time.perf_counter()
                bench.server.send(bodies)
                durable = time.perf_counter()
                sent += batches * BATCH
                wait_processed(inside)
                spent = time.perf_counter() - start
                bench.tell(f"durable after {durable - start:.1f} s, processed after {spent:.1f} s")
                return batches * BATCH / spent

            result = bench.compare("events/s", one_round)
            bench.tell(check(inside, sent))
        bench.server.stop()
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
