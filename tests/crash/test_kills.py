"""PROMISES 1: whatever is killed, nothing acknowledged is lost and nothing happens twice."""

from pathlib import Path

import pytest

from crash.harness import Options, run

SEED = 20_260_501


@pytest.mark.timeout(900)
def test_25_kills_lose_nothing_acknowledged_and_double_nothing(tmp_path: Path):
    outcome = run(Options(seed=SEED), tmp_path)
    assert not outcome.faults, str(outcome)
    assert len(outcome.killed) == 25


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_200_kills_lose_nothing_acknowledged_and_double_nothing(tmp_path: Path):
    outcome = run(Options(seed=SEED + 1, kills=200), tmp_path)
    assert not outcome.faults, str(outcome)
