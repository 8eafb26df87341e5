"""How long a command took and how much memory its process tree had at the most."""

import os
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from keyuan.engines.database.embedded import Cluster, Sampler


@dataclass(frozen=True, slots=True)
class Measured:
    """Readings of one command."""

    sampler: Sampler

    def seconds(self) -> float:
        """Return the seconds since this process was started by the system."""
        return round(time.time() - psutil.Process().create_time(), 2)

    def peak_mb(self) -> float:
        """Return the highest sum of PSS over the process tree, PostgreSQL's included."""
        return self.sampler.peak_mb


@contextmanager
def measuring(cluster: Cluster | None, others: Iterable[int] = ()) -> Generator[Measured, None, None]:
    """Sample the memory of this process, of `others`, their children and PostgreSQL each second."""
    known = {os.getpid(), *others}

    def roots() -> list[int]:
        postmaster = cluster.pid if cluster is not None else None
        return [*known, *([postmaster] if postmaster is not None else [])]

    with Sampler(roots) as sampler:
        yield Measured(sampler)
