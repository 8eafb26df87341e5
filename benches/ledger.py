"""How many postings a second the ledger takes with every check, against TPC-B in the same run.

Batches of 2,000 requests, each in its own transaction: awards with lots and daily totals (80 %), redemptions that
take from lots (10 %) and repeats of earlier keys (10 %, half of them within the batch), for 20,000 holders of one
hot brand. Counted are the entries that were posted; building the requests is not timed.

A tenant's books have one writer at a time, and a writer keeps one core busy after the other, Python's and
PostgreSQL's. TPC-B, with its 16 clients, has the whole machine; so have ours, which are two tenants, each with its
hot brand and its writer in a process of its own. How fast one of them is alone is told as `alone`. At the end the
books are rebuilt from their entries and must agree.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from random import Random
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from benches.server import Server
from benches.tpcb import TENANT, Bench, arguments, show
from keyuan import ledger
from keyuan.app.workers import collected_between, tune
from keyuan.engines.database import Database
from keyuan.engines.database.bootstrap import Roles
from keyuan.engines.database.migrate import add_tenant

BATCH = ledger.BATCH_MAX
BATCHES, BATCHES_QUICK = 100, 10
HOLDERS = 20_000
TENANTS = (TENANT, TENANT + 1)
START = datetime(2017, 1, 1, tzinfo=UTC)


class Till:
    """Makes batches of requests as a busy programme would."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = count(1)
        self.now = START
        self.earlier: list[ledger.Request] = []
        self.day_points: dict[int, int] = {}

    def batch(self) -> list[ledger.Request]:
        """The next batch; ten minutes have gone by."""
        before, self.now = self.now, self.now + timedelta(minutes=10)
        if self.now.date() != before.date():
            self.day_points.clear()
        made: list[ledger.Request] = []
        repeats = self.random.sample(self.earlier, BATCH // 20) if self.earlier else []
        while len(made) + len(repeats) < BATCH:
            dice = self.random.random()
            if dice < BATCH / 20 / BATCH and made:
                made.append(self.random.choice(made))
            elif dice < 0.15:
                made.append(self._redemption())
            else:
                made.append(self._award())
        self.earlier = made
        return made + repeats

    def _award(self) -> ledger.Award:
        holder, points = self.random.randint(1, HOLDERS), self.random.randint(1, 60)
        self.day_points[holder] = self.day_points.get(holder, 0) + points
        return ledger.Award(
            key=self._key(), holder=holder, brand="market", currency="points", points=points, at=self.now,
            expires_at=self.now + timedelta(days=365), rule="basket", rule_version=1, base_minor=points * 100,
            extra_minor=0, day=self.now.date(), day_points=self.day_points[holder], reference=self._key(),
        )  # fmt: skip

    def _redemption(self) -> ledger.Redeem:
        holder, points = self.random.randint(1, HOLDERS), self.random.randint(1, 80)
        return ledger.Redeem(
            key=self._key(), holder=holder, brand="market", currency="points", points=points, at=self.now
        )

    def _key(self) -> bytes:
        return sha256(next(self.numbers).to_bytes(8, "big")).digest()


class End(Protocol):
    """One end of a pipe between processes."""

    def send(self, obj: Any, /) -> None:
        """Put something in."""
        ...

    def recv(self) -> Any:
        """Take something out, waiting for it."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """What a writer process is told once."""

    roles: Roles
    token_key: bytes
    tenant: int


def write(task: Task, orders: End) -> None:
    """Be one tenant's writer: for each number of batches that comes in, make them, say so, and post them when told."""
    tune()  # as the consumer's process does
    till, memory = Till(Random(task.tenant)), ledger.Memory()
    with Database(task.roles.app, task.token_key) as database, collected_between() as collect:
        while number := orders.recv():
            batches = [till.batch() for _ in range(number)]
            orders.send(None)
            orders.recv()
            posted, used_s = 0, time.process_time()
            for batch in batches:
                with database.transaction(task.tenant, behind=True) as session:
                    outcomes = ledger.post(session, batch, memory)
                posted += sum(outcome.posted and not outcome.repeated for outcome in outcomes)
                collect(True)  # the step was busy
            orders.send(Posted(posted, time.process_time() - used_s))


class Posted(NamedTuple):
    """What a writer has done: entries that it posted, and the CPU time that its own process took for them."""

    entries: int
    cpu_s: float


class Writers:
    """The writers' processes, one for each tenant."""

    def __init__(self, bench: Server, tenants: Sequence[int] = TENANTS) -> None:
        processes = get_context("spawn")
        self._ends: list[End] = []
        self._processes: list[SpawnProcess] = []
        for tenant in tenants:
            mine, theirs = processes.Pipe()
            task = Task(bench.roles, bench.token_key, tenant)
            self._processes.append(processes.Process(target=write, args=(task, theirs)))
            self._ends.append(mine)

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end, process in zip(self._ends, self._processes, strict=True):
            end.send(0)
            process.join()

    def rate(self, batches: int, writers: int = len(TENANTS)) -> float:
        """Let the first so many post so many batches each at once, and return their postings a second together."""
        done, seconds = self.post(batches, writers)
        return sum(each.entries for each in done) / seconds

    def post(self, batches: int, writers: int) -> tuple[list[Posted], float]:
        """Let the first so many post so many batches each at once; return what each did, and the seconds it took."""
        at_work = self._ends[:writers]
        _tell(at_work, batches)
        start = time.perf_counter()
        done: list[Posted] = _tell(at_work, 1)
        return done, time.perf_counter() - start


def _tell(ends: list[End], order: int) -> list[Any]:
    """Give an order to all, and wait for all answers."""
    for end in ends:
        end.send(order)
    return [end.recv() for end in ends]


def main() -> None:
    options = arguments(__doc__)
    batches = BATCHES_QUICK if options.quick else BATCHES
    with Bench("ledger", quick=options.quick) as bench:
        add_tenant(bench.roles.owner, TENANTS[1], "Bench 2")
        with Writers(bench) as writers:

            def one_round() -> float:
                bench.checkpoint()
                return writers.rate(batches)

            result = bench.compare("postings/s", one_round)
            bench.checkpoint()
            alone = writers.rate(batches, 1)
        for tenant in TENANTS:
            start = time.perf_counter()
            with bench.database.transaction(tenant) as session:
                report = ledger.verify(session)
            bench.tell(f"{report.words()} in {time.perf_counter() - start:.1f} s")
            assert report.ok, report.words()
    show(result, as_json=options.json, alone=round(alone, 1))


if __name__ == "__main__":
    main()
