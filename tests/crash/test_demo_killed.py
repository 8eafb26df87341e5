"""The demo killed half-way and started again ends as if nothing had happened; a clean stop leaves nothing behind."""

import json
import signal
import subprocess
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from crash.house import KEYUAN, House, house, wait_until
from few_households import SAMPLE, few_households

HOUSEHOLDS = 60
NOT_FIGURES = {"seconds", "peak_mb", "url", "contracts", "gas"}
SEED = 11
pytestmark = pytest.mark.timeout(900)


def words(data: Path, source: Path) -> list[str]:
    return [*KEYUAN, "demo", "--data", str(data), "--source", str(source), "--exit", "--json"]


def finished(data: Path, source: Path) -> tuple[dict[str, Any], float]:
    """Run the demo to its end; return its figures and how long it took."""
    began_s = time.monotonic()
    done = subprocess.run(words(data, source), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: value for name, value in found.items() if name not in NOT_FIGURES}, time.monotonic() - began_s


def killed(data: Path, source: Path, after_s: float) -> None:
    """Run the demo and SIGKILL its whole tree, PostgreSQL too, after a while."""
    served = House(data)
    served.begin(words(data, source))
    time.sleep(after_s)
    served.kill_all()


def undisturbed(folder: Path, source: Path) -> tuple[dict[str, Any], float]:
    served = House(folder / "undisturbed")
    try:
        figures, seconds = finished(served.data, source)
    finally:
        served.remove()
    assert figures["rebuild_ok"]
    assert figures["orders"] > 1_000
    return figures, seconds


def killed_again_and_again(folder: Path, source: Path, kills: int) -> None:
    figures, seconds = undisturbed(folder, source)
    random = Random(SEED)
    served = House(folder / "killed")
    moments = [round(random.uniform(0.1, 1) * seconds, 2) for _ in range(kills)]
    try:
        for moment in moments:
            killed(served.data, source, moment)
        assert finished(served.data, source)[0] == figures, f"seed {SEED}, killed after {moments} s"
    finally:
        served.remove()


def test_a_demo_killed_half_way_ends_with_the_same_figures_as_an_undisturbed_one(tmp_path: Path):
    killed_again_and_again(tmp_path, few_households(tmp_path / "source", HOUSEHOLDS), 2)


@pytest.mark.long
def test_a_demo_killed_twenty_times_ends_with_the_same_figures(tmp_path: Path):
    killed_again_and_again(tmp_path, SAMPLE, 20)


def test_a_clean_stop_leaves_nothing_and_the_next_command_stops_what_a_kill_left(tmp_path: Path):
    with house(tmp_path / "data") as served:
        for number in (signal.SIGINT, signal.SIGTERM):
            assert (served.data / "run.json").exists()
            assert served.stop(number) == 0
            assert not (served.data / "run.json").exists()
            assert not served.leftovers()
            served.start()
        served.kill_up()
        assert served.ask("verify")["ok"]
        wait_until(lambda: not served.leftovers(), "nothing runs any more", 10)
