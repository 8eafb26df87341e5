"""Start or stop an embedded PostgreSQL by hand: `python -m keyuan.engines.database.embedded start DIR`."""

import argparse
import sys
from pathlib import Path

from keyuan.engines.database.embedded.cluster import open_cluster
from keyuan.engines.database.embedded.commands import superuser_commands
from keyuan.kernel.errors import KeyuanError


def main() -> int:
    """Run one command; the exit code is 1 with the reason on standard error when it fails."""
    parser = argparse.ArgumentParser(prog="keyuan.engines.database.embedded", description=__doc__)
    parser.add_argument("verb", choices=["start", "stop"])
    parser.add_argument("data_dir", type=Path)
    arguments = parser.parse_args()
    try:
        cluster = open_cluster(arguments.data_dir)
        if arguments.verb == "stop":
            cluster.stop()
            return 0
        cluster.start(progress=_tell)
        _tell(superuser_commands(cluster)["psql"])
    except KeyuanError as error:
        _tell(str(error))
        return 1
    return 0


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
