"""PROMISES 6 and 11: whoever kills the closer and the chain's owner, no movement is lost, doubled or different."""

from pathlib import Path

import pytest

from crash.harness import Options, run

SEED = 20_260_601
TARGETS = ("anchor", "anchor", "anchor", "cluster", "anchor", "backend", "anchor", "up")


@pytest.mark.timeout(900)
def test_kills_of_the_closer_and_the_chains_owner_lose_double_and_change_nothing(tmp_path: Path):
    outcome = run(Options(seed=SEED, kills=6, targets=TARGETS, calm_s=(0.2, 2.5)), tmp_path)
    assert not outcome.faults, str(outcome)
    assert outcome.killed.count("anchor") >= 3


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_100_kills_of_the_closer_and_the_chains_owner_lose_double_and_change_nothing(tmp_path: Path):
    outcome = run(Options(seed=SEED + 1, kills=100, targets=TARGETS, calm_s=(0.2, 2.5)), tmp_path)
    assert not outcome.faults, str(outcome)
