"""With the chain switched off everything else works the same, and the demo says so."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keyuan.app.demo import show

SAMPLE = Path(__file__).parent.parent / "data" / "completejourney_sample"


def keyuan(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "keyuan.cli", *words],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=os.environ | {"KEYUAN_CHAIN": "off"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_demo_gives_the_same_points_with_the_chain_switched_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    source = str(SAMPLE)
    found: dict[str, Any] = json.loads(
        keyuan("demo", "--data", str(tmp_path), "--source", source, "--exit", "--json").splitlines()[-1]
    )
    assert (found["awards"], found["rebuild_ok"], found["anchored"], found["chain"]) == (29211, True, 0, "switched off")
    show.found(found, changed=True)
    assert "The chain is switched off: nothing is anchored." in capsys.readouterr().out
    assert not (tmp_path / "chain").exists()
    assert "chain" in keyuan("doctor", "--data", str(tmp_path))
