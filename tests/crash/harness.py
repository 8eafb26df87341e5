"""One run of the crash harness: load, kills, recovery, then what must hold. A run is known by its seed and options.

Liveness and safety are separate: after the last kill everything must serve again and the consumer catch up; only
then is it asked whether anything was lost or happened twice.
"""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg

from crash.checker import caught_up, faults, furnish
from crash.clients import Acknowledged, Clients
from crash.house import KEYUAN, TARGETS, House, house, wait_until
from crash.orders import Story
from crash.witness import Witness
from keyuan import events
from keyuan.engines.database.embedded import open_cluster
from keyuan.kernel.errors import EngineError

_QUIET_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run does; `calm_s` is how long the load goes on undisturbed before a kill."""

    seed: int
    kills: int = 25
    targets: Sequence[str] = TARGETS
    threads: int = 4
    pause_s: float = 0.08
    calm_s: tuple[float, float] = (0.1, 1.0)
    command: Sequence[str] = KEYUAN


@dataclass(kw_only=True)
class Outcome:
    """What a run found: no faults, if all is well."""

    options: Options
    faults: list[str] = field(default_factory=list[str])
    requests: int = 0
    messages: int = 0
    killed: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout
        words = [f"{self.options}", f"commit {commit.strip() or 'unknown'}", f"killed: {' '.join(self.killed)}"]
        words += [f"{self.messages} messages acknowledged in {self.requests} requests", *self.faults]
        return "\n".join(words)

    def has(self, kind: str) -> bool:
        """Whether a fault of this kind was found."""
        return any(fault.startswith(kind) for fault in self.faults)


def run(options: Options, folder: Path) -> Outcome:
    """Do a whole run in a fresh data folder."""
    outcome = Outcome(options=options)
    story, witness = Story(options.seed), Witness()
    acknowledged = Acknowledged(folder / "acknowledged")
    try:
        with house(folder / "data", options.command) as served:
            furnish_house(served)
            with Clients(
                story, served.where, acknowledged, threads=options.threads, pause_s=options.pause_s
            ) as clients:
                _kill_in_turn(options, outcome, served, acknowledged, witness)
            settle(served)
            before = acknowledged.messages()  # read before the tables, see `checker`
            outcome.requests, outcome.messages = acknowledged.requests, len(before)
            with served.inside() as inside:
                outcome.faults += faults(inside.database, inside.secrets, story, before, clients.sent)
            outcome.faults += witness.judge(served)
    except AssertionError as error:
        outcome.faults.append(f"liveness: {error}")
    finally:
        acknowledged.close()
    return outcome


def furnish_house(served: House) -> None:
    """Have the programme and the customers in it, on disk."""
    with served.inside() as inside, inside.database.transaction(inside.tenant) as session:
        furnish(session, inside.secrets)
    # A planted bug may lose what was acknowledged, but not the tables and customers that the run stands on.
    with psycopg.connect(**open_cluster(served.data).superuser(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _kill_in_turn(
    options: Options, outcome: Outcome, served: House, acknowledged: Acknowledged, witness: Witness
) -> None:
    """Kill each kind of process in turn, in an order of the seed's, each time from a state that serves."""
    random = Random(options.seed)
    queue: list[str] = []
    while len(outcome.killed) < options.kills:
        queue = queue or random.sample(list(options.targets), len(options.targets))
        target = queue.pop()
        wait_for_requests(acknowledged, 3)
        time.sleep(random.uniform(*options.calm_s))
        served.kill(target, random)
        outcome.killed.append(target)
        served.wait_served()
        witness.look(served)
    wait_for_requests(acknowledged, 3)


def wait_for_requests(acknowledged: Acknowledged, count: int) -> None:
    until = acknowledged.requests + count
    wait_until(lambda: acknowledged.requests >= until, "requests are acknowledged again")


def settle(served: House) -> None:
    """Everything serves again, nothing comes in any more, and the consumer has taken in all there is."""
    served.wait_served()
    with served.inside() as inside:

        def last() -> int | None:
            try:
                with inside.database.transaction(inside.tenant) as session:
                    return events.last_seq(session) if caught_up(session) else None
            except EngineError:
                return None

        def quiet() -> bool:
            before = last()
            time.sleep(_QUIET_S)
            return before is not None and last() == before

        wait_until(quiet, "the consumer has caught up")
