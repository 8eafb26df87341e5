"""The database baseline that DESIGN 5 defines, for every bench that writes to PostgreSQL.

pgbench's TPC-B at scale 50, `-M prepared -c 16 -j 2`, 20 s, the median of 3 rounds interleaved with ours, on the
same embedded cluster in the same run. `--quick` is for trying a bench out: one round of 4 s at scale 5, no figure.

    with Bench("ledger", quick=False) as bench:
        print(bench.compare("postings/s", ours))     # ours() -> float, one round of bench.seconds
"""

import argparse
import json
import os
import re
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from benches.server import TENANT, Server
from keyuan.engines.database.embedded.programs import installed

CLIENTS, THREADS = 16, 2
__all__ = ["TENANT", "Bench", "Result", "arguments", "show"]
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Result:
    """Ours against the baseline: medians, and every round."""

    name: str
    value: float
    unit: str
    baseline: float
    ratio: float
    rounds: list[tuple[float, float]]
    quick: bool

    def as_json(self, **more: float) -> str:
        """One object on one line."""
        body: dict[str, Any] = {
            "bench": self.name,
            "value": round(self.value, 1),
            "unit": self.unit,
            "baseline": round(self.baseline, 1),
            "baseline_unit": f"TPC-B transactions/s, {CLIENTS} clients",
            "ratio": round(self.ratio, 2),
            "rounds": [[round(ours, 1), round(tpcb, 1)] for ours, tpcb in self.rounds],
            "quick": self.quick,
        }
        return json.dumps(body | more)


class Bench(Server):
    """A server that has a pgbench database too."""

    def __init__(self, name: str, *, quick: bool) -> None:
        super().__init__(name)
        self.quick = quick
        self.seconds, self.rounds, self.scale = (4, 1, 5) if quick else (20, 3, 50)

    def __enter__(self) -> Self:
        super().__enter__()
        self._prepare()
        return self

    def compare(self, unit: str, ours: Callable[[], float]) -> Result:
        """Run the rounds, ours and TPC-B in turn."""
        rounds: list[tuple[float, float]] = []
        for number in range(self.rounds):
            rounds.append((ours(), self._tpcb()))
            self.tell(f"round {number + 1}: ours {rounds[-1][0]:,.0f} {unit}, TPC-B {rounds[-1][1]:,.0f}/s")
        value = statistics.median(ours for ours, _tpcb in rounds)
        baseline = statistics.median(tpcb for _ours, tpcb in rounds)
        return Result(self.name, value, unit, baseline, value / baseline, rounds, self.quick)

    def _prepare(self) -> None:
        self.as_superuser("CREATE DATABASE pgbench")
        self.tell(f"filling pgbench at scale {self.scale}")
        self._pgbench("-i", "-q", "-s", str(self.scale))

    def _tpcb(self) -> float:
        # Both sides start their round after a checkpoint, so that neither pays for the other's pages.
        self.checkpoint()
        output = self._pgbench("-M", "prepared", "-c", str(CLIENTS), "-j", str(THREADS), "-T", str(self.seconds))
        found = _TPS.search(output)
        assert found is not None, output
        return float(found[1])

    def _pgbench(self, *options: str) -> str:
        facts: dict[str, Any] = self.cluster.superuser("pgbench")
        environment = os.environ | {
            "PGHOST": str(facts["host"]), "PGPORT": str(facts["port"]), "PGUSER": str(facts["user"]),
            "PGPASSWORD": str(facts["password"]), "PGDATABASE": "pgbench",
        }  # fmt: skip
        command = [str(installed() / "pgbench"), *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def arguments(doc: str | None) -> argparse.Namespace:
    """Return the options that every database bench has."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="one short round, to try it out")
    return parser.parse_args()


def show(result: Result, *, as_json: bool, **more: float) -> None:
    """Print a result, and what else was measured, for a person or for a program."""
    if as_json:
        print(result.as_json(**more))
    else:
        print(
            f"{result.name}: {result.value:,.0f} {result.unit}, "
            f"TPC-B {result.baseline:,.0f}/s, ratio {result.ratio:.2f}",
            *(f"{name} {value:,.0f} {result.unit}" for name, value in more.items()),
            sep="; ",
        )
