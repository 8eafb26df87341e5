"""How many events a second the main job takes from files to checked points, against TPC-B in the same run.

A round is the whole `keyuan demo --exit --json` in a fresh data folder: start, import, portraits, segments, points,
the second way, the rebuild and the figures. `seconds` and `peak_mb` of the slowest round are told beside the ratio.
`--quick` takes the 300 households of the tests.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benches.tpcb import Bench, arguments, show

SAMPLE = Path("tests/data/completejourney_sample")


def demo(*, quick: bool) -> dict[str, Any]:
    """Run the demo in a folder of its own and return its figures."""
    with tempfile.TemporaryDirectory(prefix="keyuan-demo-") as folder:
        data = ["--data", f"{folder}/data"]
        source = ["--source", str(SAMPLE)] if quick else []
        command = [sys.executable, "-m", "keyuan.cli"]
        done = subprocess.run(
            [*command, "demo", *data, *source, "--exit", "--json"], capture_output=True, text=True, check=False
        )
        subprocess.run([*command, "remove", *data, "--yes"], capture_output=True, check=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run the bench."""
    options = arguments(__doc__)
    found: list[dict[str, Any]] = []

    def ours() -> float:
        found.append(demo(quick=options.quick))
        return (found[-1]["orders"] + found[-1]["people"]) / found[-1]["seconds"]["total"]

    with Bench("main_job", quick=options.quick) as bench:
        result = bench.compare("orders and customers/s", ours)
    if options.json:
        slowest = max(found, key=lambda figures: figures["seconds"]["total"])
        body = json.loads(result.as_json()) | {"seconds": slowest["seconds"], "peak_mb": slowest["peak_mb"]}
        print(json.dumps(body))
    else:
        show(result, as_json=False)


if __name__ == "__main__":
    main()
