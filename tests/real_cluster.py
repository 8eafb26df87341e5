"""What tests of embedded clusters share: asking one, pasting a command, waiting, a starter to be killed."""

import subprocess
import time
from collections.abc import Callable
from typing import Any

import psycopg

from keyuan.engines.database.embedded import Cluster

STARTER = """
import pathlib, sys, time
from keyuan.engines.database.embedded import open_cluster
open_cluster(pathlib.Path(sys.argv[1])).start()
print("started", flush=True)
time.sleep(600)
"""


def ask(cluster: Cluster, statement: str, **facts: Any) -> Any:
    with psycopg.connect(**{**cluster.superuser(), **facts}) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def run(cluster: Cluster, statement: str) -> None:
    with psycopg.connect(**cluster.superuser()) as connection:
        connection.execute(statement.encode())


def paste(line: str) -> str:
    """What a line prints when somebody pastes it into a shell."""
    return subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True, text=True, timeout=60).stdout


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
