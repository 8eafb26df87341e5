"""The harness is tried itself: a guard is removed, and the run must turn red for the right reason."""

from pathlib import Path

import pytest

from crash.harness import Options, run
from crash.planted import command

pytestmark = pytest.mark.timeout(600)


def test_commits_that_are_not_waited_for_lose_what_was_acknowledged(tmp_path: Path):
    outcome = run(
        Options(seed=1, kills=1, calm_s=(1, 2), targets=["cluster"], command=command("asynchronous")), tmp_path
    )
    assert outcome.has("lost"), str(outcome)


def test_a_position_that_moves_after_the_effects_counts_events_twice(tmp_path: Path):
    # Long enough for a consumer that was just started to be at work again.
    options = Options(seed=2, kills=3, targets=["points", "portraits"], calm_s=(2.5, 3.5), command=command("split"))
    outcome = run(options, tmp_path)
    assert outcome.has("portrait"), str(outcome)
    assert not outcome.has("lost"), str(outcome)


def test_an_answer_before_the_commit_loses_what_was_acknowledged(tmp_path: Path):
    outcome = run(Options(seed=3, kills=2, targets=["web"], command=command("hasty")), tmp_path)
    assert outcome.has("lost"), str(outcome)


def test_a_block_that_is_answered_before_it_is_written_is_missed_on_the_chain(tmp_path: Path):
    options = Options(seed=4, kills=2, targets=["anchor"], calm_s=(3, 4), command=command("forgetful"))
    outcome = run(options, tmp_path)
    assert "fewer epochs than it had confirmed" in str(outcome)
    assert not outcome.has("lost"), str(outcome)
