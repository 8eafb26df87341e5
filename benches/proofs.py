"""What the proofs cost, against the ledger's own pace in the same run, and against a token on the same chain.

Each round has four parts, one after the other, over the same movements: the ledger posts batches of `benches.ledger`
(one tenant, one writer); a closer makes epochs of 10,000 of them and stores them in the same PostgreSQL; the leaves
are encoded, hashed and appended to batch, log and sum trees once more in memory alone; and the deployed code, replayed
in a machine, computes every award again from the stored leaves (decoding counts). Told is the median of three rounds.
At the end the epochs are anchored on an embedded chain, and the gas is compared with that of an ERC-20 (`gas`).

Wall time lies on a machine that has other things to do. So time is CPU time, of all processes that a part keeps busy:
the ledger's writer and its PostgreSQL together (they mostly take turns, see `benches.ledger`), the closer and its
PostgreSQL together, and for the rest one process alone. What the clock on the wall said is told as `wall`, and as
`ratio_at_least` what the ratio would be had the ledger's two never waited for each other, which they do.

`python -m benches.proofs --json` prints one object: `value` leaves a second in memory, `baseline` the ledger's
postings a second, `ratio` of the two, and the least that it must be as `floor`; `closer`, `check` and `gas` have
the same four of their own.
"""

import argparse
import json
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from benches import gas
from benches.ledger import START, Writers
from benches.server import TENANT, Server
from keyuan import ledger, loyalty
from keyuan.anchor import reads
from keyuan.anchor.epoch import Fresh, LedgerState, Movement, Since, advance, close
from keyuan.anchor.header import Domain
from keyuan.anchor.leaf import decode
from keyuan.app.workers import collected_between, tune
from keyuan.engines.chain.embedded import EmbeddedChain
from keyuan.engines.chain.signer import open_publisher
from keyuan.flows import close_epochs
from keyuan.flows.anchor_epochs import Anchoring
from keyuan.flows.gate import Codes, check_awards
from keyuan.kernel.clock import to_us

ROUNDS, BATCHES = 3, 34
EPOCH: Final = close_epochs.EPOCH
NOW: Final = datetime(2026, 5, 1, tzinfo=UTC)
FLOORS: Final = {"memory": 2.0, "closer": 1.0, "check": 20_000.0, "gas": 6.0}
# The terms by which a till of `benches.ledger` gives points, with a cap that it never reaches.
RULE: Final = loyalty.EarnRule("basket", 1, 100, 10**9, frozenset(), 12, to_us(START))
PROGRAMME: Final = loyalty.Programme("bench", "Bench", "market", "points", "USD", RULE)


class Pace(NamedTuple):
    """How many a second: by CPU time, by that of the busier of two processes alone, and by the clock on the wall."""

    cpu: float
    busier: float
    wall: float


class Round(NamedTuple):
    """One round of everything."""

    posted: Pace
    stored: Pace
    in_memory: Pace
    checked: Pace


@dataclass
class Site:
    """One tenant's ledger, its closer, and a second state in memory that is closed on in step."""

    server: Server
    writers: Writers
    codes: Codes
    memory: LedgerState
    closer: close_epochs.Closer = field(init=False)
    epochs: int = 0

    def __post_init__(self) -> None:
        self.closer = close_epochs.Closer(self.server.database, TENANT)

    def round(self, batches: int) -> Round:
        """Post so many batches, close what full epochs there are, close them in memory, and check their awards."""
        self.server.checkpoint()
        postgres = self._postgres_s()
        (writer,), wall = self.writers.post(batches, 1)
        postgres = self._postgres_s() - postgres
        posted = paced(writer.entries, writer.cpu_s, wall, postgres)
        self.server.checkpoint()
        last, before = self.memory.log.size, self.epochs
        postgres = self._postgres_s()
        own, wall = timed(self._close)
        movements = (self.epochs - before) * EPOCH
        stored = paced(movements, own, wall, self._postgres_s() - postgres)
        return Round(posted, stored, self._in_memory(last, movements), self._checked(last, movements))

    def _close(self) -> None:
        while self.closer.step(NOW):
            self.epochs += 1

    def _in_memory(self, after: int, count: int) -> Pace:
        with self.server.database.transaction(TENANT) as session:
            legs = ledger.holder_legs(session, after, count)
        movements = list(map(movement, legs))
        parts = [movements[start : start + EPOCH] for start in range(0, count, EPOCH)]
        given = [fresh(part, self.memory) for part in parts]

        def work() -> None:
            for part, new in zip(parts, given, strict=True):
                advance(self.memory, close(self.memory, part, new, 1, Since(bytes(32))))

        own, wall = timed(work)
        return paced(count, own, wall)

    def _checked(self, after: int, count: int) -> Pace:
        with self.server.database.transaction(TENANT) as session:
            bodies = [leaf.body for leaf in reads.some_leaves(session, after + 1, after + count)]
        awards = 0

        def work() -> None:
            nonlocal awards
            for start in range(0, count, EPOCH):
                awards += check_awards((decode(body) for body in bodies[start : start + EPOCH] if body), self.codes)

        own, wall = timed(work)
        return paced(awards, own, wall)

    def _postgres_s(self) -> float:
        """CPU time so far of PostgreSQL's processes that stay, as those of connections do."""
        total = 0.0
        for process in psutil.Process(self.server.cluster.pid).children():
            with suppress(psutil.NoSuchProcess):
                known = process.cpu_times()
                total = total + known.user + known.system
        return total


def paced(count: int, own_s: float, wall_s: float, postgres_s: float = 0.0) -> Pace:
    """Return the pace of so many in so much CPU time of a process and of its PostgreSQL."""
    return Pace(count / (own_s + postgres_s), count / max(own_s, postgres_s), count / wall_s)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return the CPU time of this process and the wall time that some work takes."""
    wall, own = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - own, time.perf_counter() - wall


def movement(leg: ledger.HolderLeg) -> Movement:
    """Return a leg as the closer gives it to the trees."""
    return close_epochs.movement(leg)


def fresh(movements: Sequence[Movement], state: LedgerState) -> Fresh:
    """Return what is random; pseudonyms of the newcomers of all parts, which is more than one needs."""
    newcomers = {each.account for each in movements} - state.standings.keys()
    salts = [secrets.token_bytes(32) for _ in movements]
    return Fresh(salts, {each: secrets.token_bytes(32) for each in newcomers}, secrets.token_bytes(32))


def ratio(rounds: Sequence[Round], name: str, floor: float) -> dict[str, Any]:
    """Return the median of one part against the median of the ledger's."""
    paces: list[Pace] = [getattr(each, name) for each in rounds]
    value, baseline = median([pace.cpu for pace in paces]), median([each.posted.cpu for each in rounds])
    return {
        "value": value,
        "unit": "leaves/s of CPU time",
        "baseline": baseline,
        "baseline_unit": "postings/s of CPU time",
        "ratio": round(value / baseline, 2),
        "ratio_at_least": round(value / median([each.posted.busier for each in rounds]), 2),
        "floor": floor,
        "wall": [median([pace.wall for pace in paces]), median([each.posted.wall for each in rounds])],
    }


def median(values: Sequence[float]) -> float:
    """Return the median, to one place."""
    return round(statistics.median(values), 1)


def told(rounds: Sequence[Round], used: gas.Gas) -> dict[str, Any]:
    """Return everything that was measured."""
    awards = median([each.checked.cpu for each in rounds])
    return {
        "bench": "proofs",
        **ratio(rounds, "in_memory", FLOORS["memory"]),
        "closer": ratio(rounds, "stored", FLOORS["closer"]),
        "check": {
            "value": awards,
            "unit": "awards/s of CPU time through the deployed code",
            "baseline": FLOORS["check"],
            "baseline_unit": "awards/s that it must do",
            "ratio": round(awards / FLOORS["check"], 2),
            "wall": median([each.checked.wall for each in rounds]),
        },
        "gas": {
            "value": round(used.anchor / EPOCH, 2),
            "unit": f"gas per movement, {EPOCH} an epoch",
            "baseline": used.to_holder,
            "baseline_unit": "gas of an ERC-20 transfer to a holder on the same chain",
            "ratio": round(used.to_holder / (used.anchor / EPOCH)),
            "ceiling": FLOORS["gas"],
            "anchor": used.anchor,
            "erc20_to_new_holder": used.to_new,
        },
    }


def measure(server: Server, *, rounds: int, batches: int) -> dict[str, Any]:
    """Make everything that is measured, and measure it."""
    signer, now_us = open_publisher(server.data / "bench-keys"), to_us(NOW)
    with server.database.transaction(TENANT) as session:
        loyalty.create_programme(session, PROGRAMME)
    with (
        closing(EmbeddedChain(Path(server.data) / "chain", signer.address)) as chain,
        Writers(server, (TENANT,)) as writers,
        collected_between() as collect,
    ):
        anchoring = Anchoring(server.database, TENANT, chain, signer)
        while not anchoring.prepare(now_us):
            server.tell("contracts are on their way")
        site = Site(server, writers, anchoring.codes, LedgerState(Domain(chain.chain_id(), bytes(20), bytes(32))))
        found: list[Round] = []
        for number in range(rounds):
            found.append(site.round(batches))
            collect(False)  # as between the steps of a worker, in a rest
            server.tell(
                f"round {number + 1}: " + ", ".join(f"{n} {p.cpu:,.0f}/s" for n, p in found[-1]._asdict().items())
            )
        while (anchored := anchoring.step(now_us)) < site.epochs:
            server.tell(f"{anchored} of {site.epochs} epochs are anchored")
        with server.database.transaction(TENANT) as session:
            anchor = reads.anchored(session).gas_used
        assert anchor is not None
        return told(found, gas.measure(gas.Spender(server.database, chain, signer), anchor, now_us))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one short round, to try it out")
    options = parser.parse_args()
    tune()
    with Server("proofs") as server:
        found = measure(server, rounds=1 if options.quick else ROUNDS, batches=25 if options.quick else BATCHES)
    if options.json:
        print(json.dumps(found | {"quick": options.quick}))
        return
    for each in (found, found["closer"], found["check"], found["gas"]):
        print(
            f"{each['value']:,} {each['unit']}; {each['baseline']:,} {each['baseline_unit']}; ratio {each['ratio']:,}"
        )


if __name__ == "__main__":
    main()
